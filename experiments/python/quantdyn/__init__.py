"""Results of quantdyn as xarray datasets and pandas tables, and figures of them.

>>> import quantdyn
>>> result = quantdyn.open("results/dws")                        # doctest: +SKIP
>>> result.to_frame("layerwise/output").query("bit_width == 8")  # doctest: +SKIP
>>> quantdyn.figures.errors(result)                              # doctest: +SKIP
"""
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import figures
    from .program import ProgramError, run
    from .result import Result, ResultError, concat, open

__all__ = ["ProgramError", "Result", "ResultError", "concat", "figures", "open", "run"]
__version__ = "0.2.0"
_MODULES = {"ProgramError": "program", "run": "program", "Result": "result", "ResultError": "result", "concat": "result",
            "open": "result"}


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """Figures need no xarray, and tables no matplotlib: each is imported when it is first used."""
    if name == "figures":
        return importlib.import_module(".figures", __name__)
    if name in _MODULES:
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
