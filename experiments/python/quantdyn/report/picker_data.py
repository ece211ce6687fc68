"""The channel histograms of a report's layer picker, packed: which snapshots and tensors, in how fine cells.

A block is one (snapshot, tensor, layer): counts [cell, channel] in the smallest unsigned type, deflated, base64.
"""
import base64
import hashlib
import json
import zlib

import numpy as np

from ..figures import bins
from ..figures.result import FLOAT, text

TENSORS = ("weight", "folded_weight", "conv", "norm", "output",
           "weight_gradient", "conv_gradient", "norm_gradient", "output_gradient")
COARSEST, USUAL, FINEST = 1, 2, 8  # cells per octave


def snapshots(result, variants):
    """Indices of the snapshots to show: first and last of float32, and the variants' last."""
    floats = result.snapshots_of(FLOAT)
    wanted = floats[-1:] + [result.pick(name) for name in variants] + floats[:1]
    return list(dict.fromkeys(wanted))


def tensors_of(result, snapshot):
    return [tensor for tensor in TENSORS if result.has(f"channelwise/{tensor}/histogram")
            and result.edges(result.histogram_axis(tensor)) is not None
            and result.file[f"channelwise/{tensor}/histogram"][snapshot].any()]


def encode(values):
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def block(result, counts, tensor, snapshot, layer, parts):
    """One block as a dictionary ready for JSON; None where nothing finite was counted. counts [channel, bin]."""
    lower, upper = result.edges(result.histogram_axis(tensor))
    total = counts.sum(axis=0, dtype=np.uint64)
    cells = bins.merge(lower, upper, total, parts)
    if not len(cells):
        return None
    merged = np.add.reduceat(counts[:, : cells[-1]].astype(np.uint64), cells[:-1], axis=1).T
    kind = next(k for k in (np.uint8, np.uint16, np.uint32) if merged.max() <= np.iinfo(k).max)
    unbinned = total.sum() - merged.sum()
    ends = [result.channelwise(tensor, statistic, snapshot, layer) for statistic in ("min", "max")]
    return {
        "edges": encode(np.concatenate([lower[cells[:-1]], upper[cells[-1:] - 1]]).astype("<f8")),
        "cells": len(cells) - 1, "channels": int(counts.shape[0]), "bytes": kind().itemsize,
        "counts": encode(np.frombuffer(zlib.compress(merged.astype(kind).tobytes(), 6), np.uint8)),
        "total": int(merged.sum()), "nonfinite": int(unbinned),
        "ends": None if any(end is None for end in ends) else encode(np.stack(ends).astype("<f4")),
    }


def pack(result, snapshot, parts, limit_bytes):
    """All blocks of a snapshot; None once they are larger than the limit."""
    size, out = 0, []
    for tensor in tensors_of(result, snapshot):
        counts = result.channelwise(tensor, "histogram", snapshot)
        for layer in range(len(result.layers)):
            one = counts[result.span(layer)]
            made = block(result, one, tensor, snapshot, layer, parts) if one.any() else None
            if made is None:
                continue
            made.update(snapshot=int(snapshot), tensor=tensor, layer=layer)
            size += len(json.dumps(made))
            if size > limit_bytes:
                return None
            out.append(made)
    return out


def pack_first(result, chosen, parts, limit_bytes):
    """As many of the chosen snapshots, from the first on, as fit: a list of blocks per snapshot."""
    out, left = [], limit_bytes
    for snapshot in chosen:
        blocks = pack(result, snapshot, parts, left)
        if blocks is None:
            break
        left -= sum(len(json.dumps(one)) for one in blocks)
        out.append(blocks)
    return out


def finest(result, chosen, limit_bytes):
    """(cells per octave, blocks by snapshot): the finest cells with which all fit, else fewer snapshots."""
    best = USUAL, pack_first(result, chosen, USUAL, limit_bytes)
    if not best[1]:
        return COARSEST, pack_first(result, chosen, COARSEST, limit_bytes)
    while len(best[1]) == len(chosen) and best[0] < FINEST:
        finer = pack_first(result, chosen, 2 * best[0], limit_bytes)
        if len(finer) < len(chosen):
            break
        best = 2 * best[0], finer
    return best


def of_result(result, variants, limit_bytes):
    """(blocks of one result, labels {snapshot: text}, sentences on what was left out)."""
    chosen = snapshots(result, variants)
    notes = []
    others = [name for name in result.quantized_variants() if name not in variants]
    if others:
        notes.append(f"{len(others)} other variants are not in the picker (--variant chooses): "
                     f"{', '.join(others)}.")
    parts, packed = finest(result, chosen, limit_bytes)
    blocks = [one for blocks in packed for one in blocks]
    if not blocks:
        why = "are larger than --limit" if len(packed) < len(chosen) else "are not in the result"
        return [], {}, [f"Not in the picker: channel histograms {why}."]
    if len(packed) < len(chosen):
        left = "; ".join(result.snapshot_label(index) for index in chosen[len(packed):])
        notes.append(f"To keep the page small (--limit), these were left out: {left}.")
    notes.append(f"Bins are joined to {parts} an octave; the smallest 0.5 % of a layer's values share a cell a side. "
                 "The result has all bins.")
    return blocks, {str(index): result.snapshot_label(index) for index in chosen[:len(packed)]}, notes


def net_digest(result):
    """The same for runs of one net alone: its layers, kinds, channels and inputs."""
    inputs = [text(value) for value in result.file["network/inputs"][:]] if result.has("network/inputs") else []
    return hashlib.sha256(json.dumps([result.layers, result.kinds, result.channels.tolist(), inputs]).encode()).hexdigest()[:16]


def picker(results, variants, worst, limit_bytes):
    """(data of the picker or None, sentences on what was left out). worst [result]: the layer to start at, or None."""
    out, described, notes = [], [], []
    for result, layer in zip(results, worst):
        blocks, labels, own = of_result(result, variants, limit_bytes / len(results))
        notes += [f"{result.name}: {note}" for note in own] if len(results) > 1 else own
        out += [{**one, "result": len(described)} for one in blocks]
        described.append({"name": result.name, "layers": result.layers, "net": net_digest(result), "snapshots": labels,
                          "worst": layer})
    return ({"results": described, "blocks": out} if out else None), notes
