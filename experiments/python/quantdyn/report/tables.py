"""The tables of a report: summary, provenance, layers. Text in, HTML out, everything escaped."""
from html import escape

import h5py
import numpy as np

from ..figures.result import FLOAT, text

# columns of the layer table after those of /network: (heading, tensor, statistic, whether of the variant)
LAYER_STATISTICS = (
    ("precision of weights, folded", "folded_weight", "average_channel_precision", False),
    ("precision of activations", "output", "average_channel_precision", False),
    ("dead channels", "output", "dead_channels", False),
    ("local SQNR", "output", "local_sqnr", True),
    ("accumulated SQNR", "output", "accumulated_sqnr", True),
)


def number(value):
    """Four digits; a dash where there is no value."""
    if isinstance(value, (bytes, str)):
        return text(value)
    if np.isnan(value):
        return "\u2013"
    if np.isinf(value):
        return "\u221e" if value > 0 else "\u2212\u221e"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def table(caption, headings, rows):
    """A table whose first column is the rows' heading."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:]) + "</tr>\n" for row in rows)
    return (f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>\n")


def of_snapshots(result, group):
    """Names of a group's arrays [snapshot]: not the labels and scales that readers need, which have no coordinates."""
    items = sorted(result.file.get(group, {}).items())
    return [name for name, item in items if isinstance(item, h5py.Dataset) and item.ndim == 1
            and "variant" in text(item.attrs.get("coordinates", "")).split()]


def summary(result):
    """A row per snapshot, a column per networkwise metric that any snapshot has."""
    names = [name for name in of_snapshots(result, "networkwise")
             if not np.isnan(result.file[f"networkwise/{name}"][:]).all()]
    first = [name for name in ("accuracy", "relative_accuracy_decrease", "agreement", "logits_sqnr") if name in names]
    names = first + [name for name in names if name not in first]
    headings = ["variant", "epoch", "step"] + [
        name.replace("_", " ") + result.units(f"networkwise/{name}") for name in names]
    columns = [result.file[f"networkwise/{name}"][:] for name in names]
    rows = [[result.variants[index], result.epochs[index], result.steps[index]]
            + [number(column[index]) for column in columns] for index in range(len(result.variants))]
    return table("The whole net, by snapshot and variant", headings, rows)


def side_by_side(results):
    """A row a variant, at its last snapshot; accuracy and the logits' SQNR of every result beside each other."""
    metrics = [("accuracy", "accuracy"), ("logits_sqnr", "SQNR of the logits (dB)")]
    variants = list(dict.fromkeys(name for result in results for name in result.variants))
    rows = []
    for variant in variants:
        row = [variant]
        for metric, _ in metrics:
            for result in results:
                has = variant in result.variants and result.has(f"networkwise/{metric}")
                row.append(number(result.file[f"networkwise/{metric}"][result.pick(variant)] if has else np.nan))
        rows.append(row)
    return table("Variants side by side, the last snapshot of each",
                 ["variant"] + [f"{heading}, {result.name}" for _, heading in metrics for result in results], rows)


def provenance(result):
    rows = [[name.replace("_", " "), attribute(value)] for name, value in sorted(result.file.attrs.items())]
    if result.has("provenance"):
        rows += [[name.replace("_", " "), attribute(value)]
                 for name, value in sorted(result.file["provenance"].attrs.items())]
    return table("Where the result comes from", ["what", "value"], rows)


def attribute(value):
    return number(value) if isinstance(value, (float, np.floating)) else text(value)


def layers(result, variant):
    """A row per layer: /network's columns, precision of float32 and errors of the variant."""
    columns = [("layer", result.layers)]
    for name in ("kind", "inputs", "output_shape", "channels", "parameters", "multiply_accumulates"):
        if result.has(f"network/{name}"):
            columns.append((name.replace("_", " "), [number(value) for value in result.file[f"network/{name}"][:]]))
    for heading, tensor, statistic, is_of_variant in LAYER_STATISTICS:
        if is_of_variant and variant is None:
            continue
        values = result.layerwise(tensor, statistic, result.pick(variant if is_of_variant else FLOAT))
        if values is not None:
            units = result.units(f"layerwise/{tensor}/{statistic}")
            columns.append((heading + units, [number(value) for value in values]))
    errors = "" if variant is None else f", errors of {variant}"
    rows = list(zip(*(values for _, values in columns)))
    return table(f"The net; precision of float32{errors}", [heading for heading, _ in columns], rows)


def texts(result):
    """The experiment as given and with every default, folded away."""
    out = ""
    for name, title in (("raw", "The experiment as given"), ("resolved", "The experiment with every default"),
                        ("network", "The network as built")):
        if result.has(f"config/{name}"):
            out += (f"<details><summary>{title}</summary><pre>{escape(text(result.file[f'config/{name}'][()]))}</pre>"
                    "</details>\n")
    return out
