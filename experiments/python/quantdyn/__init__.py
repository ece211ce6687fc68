"""Results of quantdyn as xarray datasets and pandas tables.

>>> import quantdyn
>>> result = quantdyn.open("results/dws")                        # doctest: +SKIP
>>> result.to_frame("layerwise/output").query("bit_width == 8")  # doctest: +SKIP
"""
from .program import ProgramError, run
from .result import Result, ResultError, concat, open

__all__ = ["ProgramError", "Result", "ResultError", "concat", "open", "run"]
__version__ = "0.1.0"
