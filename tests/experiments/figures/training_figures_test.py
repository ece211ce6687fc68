#!/usr/bin/python3
"""Draws the figures of weights that move and of norms, and compares what is drawn with the file.

training_figures_test.py PYTHON_FOLDER QUANTDYN NETWORKS. Exit code 77, shown as skipped, where a package is missing.
"""
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py
    import matplotlib  # noqa: F401
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-matplotlib")
    sys.exit(77)

from small_result import small_result

sys.path.insert(0, sys.argv[1])
from quantdyn.figures import style  # noqa: E402
from quantdyn.figures.catalogue import Choice  # noqa: E402
from quantdyn.figures.plots import batch_norm, distances, drift, oscillation  # noqa: E402
from quantdyn.figures.result import Result  # noqa: E402


def heat_map(axis, layers):
    """(the drawn cells [layer, time], the layers' places, the texts of the times)."""
    return (np.asarray(axis.images[0].get_array().filled(np.nan)), [layers.index(label.get_text()) for label in axis.get_yticklabels()],
            [label.get_text() for label in axis.get_xticklabels()])


def drift_and_oscillation_are_the_files(path):
    result = Result(path)
    with h5py.File(path) as f:
        variants, layers = list(f["variant"].asstr()), list(f["layer"].asstr())
        floats = [at for at, name in enumerate(variants) if name == "float32"]
        trained = [at for at, name in enumerate(variants) if name == "trained"]
        for axis, statistic in zip(drift.draw([result], Choice()).axes, drift.STATISTICS):
            cells, where, times = heat_map(axis, layers)
            wanted = f[f"layerwise/weight/{statistic}"][:][floats[1:]][:, where].T
            assert np.allclose(2.0**cells, wanted) and times == ["1", "2", "3"] and len(where) == 12, statistic
        assert oscillation.trained_variant(result, Choice(("int8",))) == "trained"
        for axis, statistic in zip(oscillation.draw([result], Choice()).axes, oscillation.STATISTICS):
            cells, where, times = heat_map(axis, layers)
            wanted = 100 * f[f"layerwise/weight/{statistic}"][:][trained][:, where].T
            wanted = wanted[:, np.isfinite(wanted).any(axis=0)]
            assert np.allclose(cells, wanted, equal_nan=True) and times == ["1", "2", "3"] and len(where) == 12, (statistic, times)
            assert cells.max() > 0
            assert axis.texts[0].get_text().endswith(", trained")


def distances_and_norms_are_the_files(path):
    result = Result(path)
    with h5py.File(path) as f:
        variants, layers = list(f["variant"].asstr()), list(f["layer"].asstr())
        last = len(variants) - 1 - variants[::-1].index("float32")
        figure = distances.draw([result], Choice())
        for axis, (statistic, _) in zip(figure.axes, distances.ROWS):
            drawn = [line.get_ydata() for line in axis.get_lines()]
            wanted = [f[f"layerwise/{tensor}/{statistic}"][last] for tensor, *_ in distances.TENSORS
                      if statistic in f[f"layerwise/{tensor}"]]
            assert len(drawn) == len(wanted) >= 2
            assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(drawn, wanted)), statistic
        boxes = batch_norm.factors(result, last)
        at = layers.index("sep3_dw")
        offset, channels = f["network/channel_offset"][at], f["network/channels"][at]
        own = np.log2(np.abs(f["channelwise/batch_norm/gamma_over_sigma"][last, offset:offset + channels]))
        assert np.allclose(boxes[at], np.percentile(own, [5, 25, 50, 75, 95, 100]))
        assert np.isnan(boxes[layers.index("logits")]).all()  # it has no norm
        above, below = batch_norm.draw([result], Choice()).axes
        assert np.array_equal(above.get_lines()[0].get_ydata(), boxes[:, -1], equal_nan=True)
        for line, (statistic, *_) in zip(below.get_lines(), batch_norm.FITS):
            assert np.array_equal(line.get_ydata(), f[f"layerwise/batch_norm/{statistic}"][last], equal_nan=True)


def colours_are_those_of_the_style(path):
    """Also where a style is chosen after the modules were loaded."""
    style.use("dark")
    dark = {colour.lower() for colour in style.STYLES["dark"][3].values()} | {style.GREY.lower()}
    for figure in (distances.draw([Result(path)], Choice()), batch_norm.draw([Result(path)], Choice())):
        lines = [line.get_color().lower() for axis in figure.axes for line in axis.get_lines()]
        assert lines and set(lines) <= dark, lines
    style.use("light")


def main():
    _, _, program, networks = sys.argv
    style.use("light")
    with tempfile.TemporaryDirectory() as folder:
        path = small_result(program, networks, folder, "dws", "--set", "data.source.train_images=512")
        drift_and_oscillation_are_the_files(path)
        distances_and_norms_are_the_files(path)
        colours_are_those_of_the_style(path)


if __name__ == "__main__":
    main()
