#!/usr/bin/python3
"""Turns the results of run.sh into one Markdown table, with published figures beside ours.

    table.py RESULTS [--markdown FILE]

RESULTS holds NET/GROUP/result.h5. Needs h5py.
"""
import argparse
import csv
import os
import pathlib
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    sys.exit(f"table.py: {missing}; install python3-h5py")

NETS = {"mobilenet_v1": "MobileNet-V1", "mobilenet_v2": "MobileNet-V2", "efficientnet_lite0": "EfficientNet-Lite0",
        "regular": "regular (CIFAR-10)"}
# (method in the table, variant's name without its bits, bits)
BITS = ("8", "6", "4")
METHODS = [(method, variant, bits) for method, variant in (
    ("per tensor min-max", "minmax"), ("per tensor MSE", "mse"), ("weights per channel", "per_channel"),
    ("dead channels replaced", "dead_channels"), ("equalized", "equalize"), ("equalized and absorbed", "absorb"),
    ("biases corrected", "correct_bias"), ("all four repairs", "all_repairs")) for bits in BITS]
METHODS += [(method, variant, "w4a8") for method, variant in (
    ("per tensor min-max", "minmax_w4"), ("weights per channel", "per_channel_w4"),
    ("AdaRound, per tensor", "adaround_w4"), ("AdaRound, weights per channel", "adaround_w4_per_channel"))]


def accuracies(path):
    """{variant: accuracy} of a result; the last snapshot of each."""
    try:
        with h5py.File(path, "r") as file:
            names = [name.decode() for name in file["variant"][:]]
            found = dict(zip(names, file["networkwise/accuracy"][:]))
    except (OSError, KeyError, ValueError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{path}: damaged, or not a result: {error}") from None
    if "float32" not in found:
        raise ValueError(f"{path}: no snapshot of float32; expected a result of quantdyn run")
    return found


def collect(folder):
    """{net: {variant: accuracy}} of all groups; a net whose groups disagree on the float accuracy is an error."""
    out = {}
    for net in NETS:
        for path in sorted(pathlib.Path(folder, net).glob("*/result.h5")):
            found = accuracies(path)
            known = out.setdefault(net, {})
            if known and known["float32"] != found["float32"]:
                raise ValueError(f"{path}: float accuracy {found['float32']:.4f}, but other results of {net} have "
                                 f"{known['float32']:.4f}; expected the same images and weights")
            known.update(found)
    return out


def published(path):
    """Rows of published.csv, and the sources in the order in which the table names them."""
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def number(value):
    return "" if value is None or np.isnan(value) else f"{value:.3f}"


def cell_of(rows, method, bits, sources):
    """What others report for this method: "V2 0.719 -> 0.001 [1]"."""
    parts = []
    for row in rows:
        if (row["method"], row["bits"]) != (method, bits):
            continue
        key = (row["source"], row["url"])
        if key not in sources:
            sources.append(key)
        before = f"{float(row['float']):.3f} \u2192 " if row["float"] else ""
        short = NETS[row["net"]].removeprefix("MobileNet-").removeprefix("EfficientNet-")
        parts.append(f"{short} {before}{float(row['quantized']):.3f} [{sources.index(key) + 1}]")
    return "; ".join(parts)


def name_of(variant, bits):
    return variant if bits == "w4a8" else f"{variant}-{bits}"


def table(results, rows):
    nets = [net for net in NETS if net in results]
    sources = []
    lines = ["| method | bits | " + " | ".join(NETS[net] for net in nets) + " | published: float \u2192 quantized |",
             "| --- | --- |" + " --- |" * len(nets) + " --- |",
             "| float | 32 | " + " | ".join(number(results[net]["float32"]) for net in nets) + " | |"]
    for method, variant, bits in METHODS:
        values = [number(results[net].get(name_of(variant, bits))) for net in nets]
        others = cell_of(rows, method, bits, sources)
        if any(values) or others:
            lines.append(f"| {method} | {bits} | " + " | ".join(values) + f" | {others} |")
    shown = {(method, bits) for method, _, bits in METHODS}
    for method, bits in dict.fromkeys((row["method"], row["bits"]) for row in rows):
        if (method, bits) not in shown:
            lines.append(f"| {method} | {bits} |" + "  |" * len(nets) + f" {cell_of(rows, method, bits, sources)} |")
    lines.append("")
    for index, (source, url) in enumerate(sources, 1):
        notes = dict.fromkeys(row["note"] for row in rows if (row["source"], row["url"]) == (source, url) and row["note"])
        lines.append(f"[{index}] {source}, {url}" + (f" ({'; '.join(notes)})" if notes else "") + "  ")
    return "\n".join(lines) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="table.py", description=__doc__.splitlines()[0])
    parser.add_argument("results", metavar="RESULTS", help="folder with NET/GROUP/result.h5")
    parser.add_argument("--markdown", metavar="FILE", help="write it there, too")
    options = parser.parse_args(argv)
    try:
        results = collect(options.results)
        if not results:
            raise ValueError(f"{options.results}: holds no NET/GROUP/result.h5; expected what run.sh writes")
        text = table(results, published(os.path.join(os.path.dirname(os.path.abspath(__file__)), "published.csv")))
        if options.markdown:
            with open(options.markdown, "w", encoding="utf-8") as f:
                f.write(text)
    except (ValueError, OSError, KeyError) as error:
        print(f"table.py: {error}", file=sys.stderr)
        return 1
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
