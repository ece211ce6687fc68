"""The figures of the study, one for each claim that a table does not show well; the style is that of quantdyn.figures."""
import pathlib

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from scipy import stats

import runs  # puts ../python into the path
from quantdyn.figures import style
from measures import error_pairs, level_of
from runs import FLOAT, Missing

NETS = ("regular", "dws", "mobilenet_v1_regular", "mobilenet_v1")
LOOKS = {net: {"color": style.SERIES[index], "marker": style.MARKERS[index]} for index, net in enumerate(NETS)}
KIND_LOOKS = {"conv2d": (style.BLUE, "o"), "depthwise": (style.VERMILION, "s"), "pointwise": (style.GREEN, "^"),
              "dense": (style.GREY, "D")}


def over_seeds(rows):
    """(mean [x], half-width [x] of the 95 % t interval) of rows [seed, x]; no interval from one seed."""
    rows = np.asarray(rows, float)
    if len(rows) < 2:
        return rows.mean(0), None
    return rows.mean(0), stats.t.ppf(0.975, len(rows) - 1) * rows.std(0, ddof=1) / np.sqrt(len(rows))


def panels(count, height=2.2):
    figure, axes = plt.subplots(1, count, squeeze=False, layout="constrained", figsize=(style.PAGE_INCHES, height))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    return figure, axes[0]


def net_legend(figure, nets):
    style.legend(figure, [Line2D([], [], label=style.plain(net), **LOOKS[net]) for net in nets])


def families(groups):
    """{net: [Run]} of the group families; Missing where it has none of the nets."""
    found = {net: list(runs.chosen(groups.get("families", []), net).values()) for net in NETS}
    found = {net: of_net for net, of_net in found.items() if of_net}
    if not found:
        raise Missing("no run of the group families")
    return found


def lines(axis, found, series):
    """A line a net with its interval over seeds; `series(run)` is (x [n], y [n])."""
    for net, of_net in found.items():
        drawn = [series(run) for run in of_net]
        mean, width = over_seeds([y for _, y in drawn])
        style.band(axis, drawn[0][0], mean, width, LOOKS[net]["color"])
        axis.plot(drawn[0][0], mean, alpha=0.9, **LOOKS[net])


def decrease_by_bits(run):
    """(bits [n], relative accuracy decrease [n]) of the variants minmax-BITS."""
    widths = sorted(runs.bits_of(name) for name in run.variants if name.startswith("minmax-"))
    return widths, [run.number("relative_accuracy_decrease", f"minmax-{bits}") for bits in widths]


def breaking_point(groups):
    """C1, C2, C12: relative accuracy decrease over bits."""
    found = families(groups)
    figure, (axis,) = panels(1, 2.4)
    lines(axis, found, decrease_by_bits)
    axis.set_xlabel("bits of weights and activations, one min-max range per tensor")
    axis.set_ylabel("relative accuracy decrease")
    axis.axhline(0, color=style.GREY, linewidth=0.6)
    net_legend(figure, found)
    return figure


def fluctuation(groups):
    """C3: log2 range of every layer over relative depth."""
    found = families(groups)
    figure, axes = panels(2)
    for axis, (tensor, label) in zip(axes, (("folded_weight", "folded weights"), ("output", "activations"))):
        def series(run, tensor=tensor):
            values = run.layers(tensor, "log2_range", FLOAT)
            there = np.flatnonzero(np.isfinite(values))
            return there / (len(values) - 1), values[there]
        lines(axis, found, series)
        axis.set_xlabel("depth: layer / last layer")
        axis.set_ylabel(f"log2 range of {label}")
    net_legend(figure, found)
    return figure


def mismatch(groups):
    """C4: channel precision and local SQNR of every layer of every seed, by kind of layer."""
    found = families(groups)
    figure, axes = panels(len(found))
    kinds = set()
    for axis, (net, of_net) in zip(axes, found.items()):
        for run in of_net:
            x = run.layers("folded_weight", "average_channel_precision", FLOAT)
            y = run.layers("output", "local_sqnr", "minmax-8")
            error_pairs(run, "folded_weight", "average_channel_precision", "minmax-8")
            for kind, (colour, marker) in KIND_LOOKS.items():
                of_kind = (run.kinds == kind) & np.isfinite(x) & np.isfinite(y)
                if of_kind.any():
                    kinds.add(kind)
                    axis.plot(x[of_kind], y[of_kind], linestyle="", color=colour, marker=marker, alpha=0.7)
        axis.set_title(style.plain(net), loc="left", fontweight="bold")
        axis.set_xlabel("channel precision")
        axis.sharey(axes[0])
    axes[0].set_ylabel("local SQNR of the output\nat 8 bits (dB)")
    style.legend(figure, [Line2D([], [], linestyle="", color=KIND_LOOKS[kind][0], marker=KIND_LOOKS[kind][1], label=kind)
                          for kind in KIND_LOOKS if kind in kinds])
    return figure


def accumulation(groups):
    """C5: accumulated SQNR over depth at 8 and 4 bits."""
    found = families(groups)
    figure, axes = panels(2)
    for axis, bits in zip(axes, (8, 4)):
        def series(run, bits=bits):
            values = run.layers("output", "accumulated_sqnr", f"minmax-{bits}")
            return np.arange(len(values)) / (len(values) - 1), np.where(np.isfinite(values), values, np.nan)
        lines(axis, found, series)
        axis.set_title(f"{bits} bits", loc="left", fontweight="bold")
        axis.set_xlabel("depth: layer / last layer")
        axis.set_ylabel("accumulated SQNR\nof the output (dB)")
    net_legend(figure, found)
    return figure


def short(initializer):
    """A name for an initializer with its range."""
    if isinstance(initializer, str):
        return initializer
    name, more = initializer["name"], initializer.get("high", initializer.get("std"))
    return name if more is None else f"{name} {more}"


def initialization(groups):
    """C6: float and int8 accuracy of every initializer and seed."""
    found = {}
    for run in groups.get("initializers", []):
        found.setdefault(short(run.key("initializer")), []).append(run)
    if not found:
        raise Missing("no run of the group initializers")
    figure, (axis,) = panels(1, 2.6)
    for place, of_level in enumerate(found.values()):
        for offset, variant, colour, marker in ((-0.15, FLOAT, style.BLUE, "o"), (0.15, "minmax-8", style.VERMILION, "s")):
            axis.plot([place + offset] * len(of_level), [run.number("accuracy", variant) for run in of_level], linestyle="",
                      color=colour, marker=marker, alpha=0.8)
    axis.set_xticks(range(len(found)))
    axis.set_xticklabels([style.plain(name) for name in found], rotation=30, ha="right")
    axis.set_ylabel("accuracy")
    style.legend(figure, [Line2D([], [], linestyle="", color=style.BLUE, marker="o", label="float"),
                          Line2D([], [], linestyle="", color=style.VERMILION, marker="s", label="8 bits, per tensor")])
    return figure


def factorization(groups):
    """C8: channel precision of the spatial convolutions and SQNR of the logits over the number of groups."""
    found = {}
    for run in groups.get("groups", []):
        found.setdefault(level_of(run, "network.groups"), []).append(run)
    if not found:
        raise Missing("no run of the group groups")
    order = sorted(found)
    names = ["one a channel" if np.isinf(level) else f"{level:.0f}" for level in order]
    figure, axes = panels(2)

    def precision(run):
        values = run.layers("folded_weight", "average_channel_precision", FLOAT)
        return np.nanmean(values[[name.endswith("_dw") for name in run.names]])

    for axis, label, of_run in ((axes[0], "channel precision of\nspatial convolutions", precision),
                                (axes[1], "SQNR of the logits at 8 bits (dB)", lambda run: run.number("logits_sqnr", "minmax-8"))):
        for place, level in enumerate(order):
            axis.plot([place] * len(found[level]), [of_run(run) for run in found[level]], linestyle="", marker="o",
                      color=style.BLUE, alpha=0.7)
        axis.plot(range(len(order)), [np.mean([of_run(run) for run in found[level]]) for level in order], color=style.BLUE)
        axis.set_xticks(range(len(order)))
        axis.set_xticklabels(names)
        axis.set_xlabel("groups of spatial convolutions")
        axis.set_ylabel(label)
    return figure


def over_training(groups):
    """C13: float accuracy, relative decrease and range fluctuation over epochs."""
    found = {net: [run for run in of_net if len(run.over_training("relative_accuracy_decrease", "minmax-4")) > 1]
             for net, of_net in families(groups).items()}
    found = {net: of_net for net, of_net in found.items() if of_net}
    if not found:
        raise Missing("no run of the group families is quantized over training")
    figure, axes = panels(3)
    for axis, (label, name, bits) in zip(axes, (
            ("float accuracy", "accuracy", None),
            ("relative decrease at 4 bits", "relative_accuracy_decrease", 4),
            ("fluctuation of\nfolded weights (octaves)", "folded_weight_range_fluctuation", None))):
        def series(run, name=name, bits=bits):
            return run.epochs, run.over_training(name, f"minmax-{bits}" if bits else FLOAT)
        lines(axis, found, series)
        axis.set_xlabel("epoch")
        axis.set_ylabel(label)
    net_legend(figure, found)
    return figure


FIGURES = (breaking_point, fluctuation, mismatch, accumulation, initialization, factorization, over_training)


def draw_all(groups, folder):
    """Draws what the results allow; yields the paths, and says on the terminal what is left out and why."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    style.use("light")
    for draw in FIGURES:
        try:
            figure = draw(groups)
        except Missing as missing:
            print(f"figure {draw.__name__} is left out: {missing}")
            continue
        yield from style.save(figure, str(folder), draw.__name__, ("svg", "png"))
