"""Figures of results, as the command `quantdyn figures` draws them. README.md says how to read each.

>>> import quantdyn
>>> quantdyn.figures.errors("results/regular", "results/dws", variants=["minmax-8"])  # doctest: +SKIP
"""
import matplotlib

from . import style as _style
from .catalogue import FIGURES, choose
from .result import Missing, Result, UserError, tell_apart

WIDTHS = {"column": _style.COLUMN_INCHES, "page": _style.PAGE_INCHES}


def _opened(result):
    """A path, or what quantdyn.open() gave."""
    return Result(getattr(result, "path", result))


def _function(entry):
    def figure(*results, variants=(), layer=None, epoch=None, width="page", style="light"):
        opened = [_opened(result) for result in results]
        tell_apart(opened)
        with matplotlib.rc_context():
            _style.use(style)
            return entry.draw(opened, choose(opened, list(variants), layer, epoch, WIDTHS[width]))

    figure.__name__ = figure.__qualname__ = entry.name
    figure.__doc__ = f"""{entry.caption}

    results: paths of results, or results that are open, drawn side by side. variants: names (default: the first three that all
    results have). layer: for `epochs` (default: the one with the lowest precision). epoch: of the float32 snapshot (default: the
    last). width: "column" (3.35 inches) or "page" (7). style: "light" or "dark".

    Returns a matplotlib figure. Missing: the results lack what it shows; UserError: a result, variant, layer or epoch is not there.
    """
    return figure


globals().update({entry.name: _function(entry) for entry in FIGURES})
__all__ = [entry.name for entry in FIGURES] + ["Missing", "UserError"]
