"""Figures of results, as the command `quantdyn figures` draws them. README.md says how to read each.

>>> import quantdyn
>>> figure = quantdyn.figures.errors("results/regular", "results/dws", variants=["minmax-8"])  # doctest: +SKIP
>>> quantdyn.figures.save(figure, "errors.pdf")                                                # doctest: +SKIP
"""
import importlib.util
import os


def save(figure, path):
    """Writes a figure as PNG, SVG or PDF, by the ending of `path`, as the command does: fonts as text, the same bytes each time."""
    import matplotlib

    from . import style
    from .result import UserError

    ending = os.path.splitext(path)[1].removeprefix(".")
    if ending not in style.WRITERS:
        raise UserError(f"{path}: accepted: a name that ends in .{', .'.join(sorted(style.WRITERS))}")
    with matplotlib.rc_context(style.PARAMETERS):
        content = style.WRITERS[ending](figure)
    with open(path, "wb") as file:
        file.write(content)


def _function(entry):
    def draw(*results, variants=(), layer=None, epoch=None, width="page", style="light"):
        import matplotlib

        from . import style as looks
        from .catalogue import choose
        from .result import Result, UserError, tell_apart

        widths = {"column": looks.COLUMN_INCHES, "page": looks.PAGE_INCHES}
        for what, value, accepted in (("width", width, widths), ("style", style, looks.STYLES)):
            if value not in accepted:
                raise UserError(f"{what} {value!r}; accepted: {', '.join(accepted)}")
        if not results:
            raise UserError(f"{entry.name}: no result; accepted: one or more")
        opened = [Result(getattr(result, "path", result)) for result in results]  # a path, or what quantdyn.open() gave
        tell_apart(opened)
        chosen = [variants] if isinstance(variants, str) else list(variants)
        with matplotlib.rc_context():
            looks.use(style)
            figure = entry.draw(opened, choose(opened, chosen, layer, epoch, widths[width]))
            looks.plt.close(figure)  # else a notebook shows it twice
        return figure

    draw.__name__ = draw.__qualname__ = entry.name
    draw.__doc__ = f"""{entry.caption}

    results: paths of results, or results that are open, drawn side by side. variants: names (default: the first three that all
    results have). layer: for `epochs` (default: the one with the lowest precision). epoch: of the float32 snapshot (default: the
    last). width: "column" (3.35 inches) or "page" (7). style: "light" or "dark".

    Returns a matplotlib figure. Missing: the results lack what it shows; UserError: a result, variant, layer or epoch is not there.
    """
    return draw


def __dir__():
    from .catalogue import FIGURES

    return [entry.name for entry in FIGURES] + ["Missing", "UserError", "save"]


def __getattr__(name):
    """The figures of the catalogue; matplotlib is imported when one of them is asked for."""
    if name == "__all__":
        return __dir__()
    if name in ("Missing", "UserError"):
        from . import result

        return getattr(result, name)
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}") is None:  # a module is imported elsewhere
        from .catalogue import FIGURES

        for entry in FIGURES:
            if entry.name == name:
                return _function(entry)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
