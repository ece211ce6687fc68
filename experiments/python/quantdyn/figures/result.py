"""A result.h5 as the figures see it: layers, snapshots, and arrays that are None where the file has none.

The layout is that of experiments/FILE.md; the meaning of every dataset that of stats/README.md.
"""
import os

import h5py
import numpy as np

FLOAT = "float32"
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


class UserError(Exception):
    """What the user asked for does not exist: one line on the terminal, no traceback."""


class Missing(Exception):
    """A figure cannot be drawn from these results: the message says why; other figures are still drawn."""


def text(value):
    """An attribute or a label as str, whatever kind of bytes it came as."""
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace").decode("utf-8")  # h5py marks what is not UTF-8 by half characters


def printable(message):
    """A message in one line for the terminal: control characters, which names in files may hold, as escapes."""
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in str(message))


def tell_apart(results):
    """Gives results of one name the name of their folder besides, and a number where that is the same, too."""
    for ending in (lambda result, _: f" ({result.folder()})", lambda _, place: f" #{place + 1}"):
        names = [result.name for result in results]
        for place, result in enumerate(results):
            if names.count(names[place]) > 1:
                result.name = names[place] + ending(result, place)


class Result:
    """One opened result: `variants`, `epochs`, `steps` [snapshot]; `layers`, `kinds` [layer]."""

    def __init__(self, path):
        self.path = str(path)
        if os.path.isdir(self.path):
            self.path = os.path.join(self.path, "result.h5")
        try:
            self.file = h5py.File(self.path, "r")
        except OSError:
            state = "is not HDF5" if os.path.isfile(self.path) else "is no file"
            raise UserError(f"{path}: {state}; accepted: a result.h5 of quantdyn run, or its folder") from None
        needed = ("snapshot", "variant", "epoch", "step", "layer", "network/kind", "network/channels",
                  "network/channel_offset")
        absent = [name for name in needed if name not in self.file]
        if "schema" not in self.file.attrs or absent:
            found = f"it has no {absent[0]}" if absent else "it has no attribute schema"
            raise UserError(f"{path}: not a result, {found}; accepted: a result.h5 of quantdyn run")
        if self.file.attrs["schema"] != 1:
            raise UserError(f"{path}: schema {self.file.attrs['schema']}; accepted: schema 1")
        self.variants = [text(name) for name in self.file["variant"][:]]
        self.epochs = self.file["epoch"][:]
        self.steps = self.file["step"][:]
        self.layers = [text(name) for name in self.file["layer"][:]]
        self.kinds = [text(kind) for kind in self.file["network/kind"][:]]
        self.channels = self.file["network/channels"][:]
        self.offsets = self.file["network/channel_offset"][:]
        self.runs = len(self.file.attrs.get("merged_seeds", [0]))
        self.name = self._name() + (f", {self.runs} runs" if self.runs > 1 else "")

    def _name(self):
        """The experiment's name, else the folder's."""
        provenance = self.file.get("provenance")
        if provenance is not None and "experiment" in provenance.attrs:
            ended = " (ended early)" if "ended" in provenance.attrs else ""
            return text(provenance.attrs["experiment"]) + ended
        return os.path.basename(os.path.dirname(os.path.abspath(self.path))) or self.path

    def folder(self):
        """What tells results of one experiment apart: the folder's name, or the file's where it is not result.h5."""
        stem, _ = os.path.splitext(os.path.basename(self.path))
        return os.path.basename(os.path.dirname(os.path.abspath(self.path))) if stem == "result" else stem

    # Snapshots.

    def snapshots_of(self, variant):
        """The indices on the axis `snapshot` of a variant, in the order of the file."""
        return [index for index, name in enumerate(self.variants) if name == variant]

    def quantized_variants(self):
        """Names of the variants, float32 left out, in the order of the file."""
        return [name for name in dict.fromkeys(self.variants) if name != FLOAT]

    def pick(self, variant, epoch=None):
        """The index of a variant's last snapshot, or of that after an epoch (steps of the next have its number)."""
        found = self.snapshots_of(variant)
        if not found:
            raise UserError(f"{self.path}: no variant {variant}; it has {', '.join(dict.fromkeys(self.variants))}")
        if epoch is None:
            return found[-1]
        at_epoch = [index for index in found if self.epochs[index] == epoch]
        if not at_epoch:
            there = ", ".join(str(self.epochs[index]) for index in found)
            raise UserError(f"{self.path}: variant {variant} has no snapshot at epoch {epoch}; it has {there}")
        return at_epoch[0]

    def layer_index(self, name):
        if name not in self.layers:
            raise UserError(f"{self.path}: no layer {name}; it has {', '.join(self.layers)}")
        return self.layers.index(name)

    def snapshot_label(self, index):
        """Variant and epoch; the step, too, where the variant has several snapshots at that epoch."""
        twins = [at for at in self.snapshots_of(self.variants[index]) if self.epochs[at] == self.epochs[index]]
        step = f", step {self.steps[index]}" if len(twins) > 1 else ""
        return f"{self.variants[index]}, epoch {self.epochs[index]}{step}"

    # Arrays.

    def has(self, path):
        return path in self.file

    def units(self, path):
        """The dataset's units as a label's ending: " (dB)"; nothing where the unit is 1 or the array is absent."""
        unit = text(self.file[path].attrs.get("units", "1")) if path in self.file else "1"
        return "" if unit == "1" else f" ({unit})"

    def networkwise(self, metric, snapshot):
        """(value, half-width of its 95 % confidence interval); NaN where the file has none."""
        paths = f"networkwise/{metric}", f"networkwise/{metric}_interval"
        return tuple(float(self.file[path][snapshot]) if path in self.file else np.nan for path in paths)

    def layerwise(self, tensor, statistic, snapshot):
        """[layer], or None where the file has no such array."""
        path = f"layerwise/{tensor}/{statistic}"
        return self.file[path][snapshot] if path in self.file else None

    def interval(self, tensor, statistic, snapshot):
        """Half-widths [layer] of the 95 % confidence intervals of a merged file's means, None of a single run."""
        return self.layerwise(tensor, f"{statistic}_interval", snapshot)

    def channelwise(self, tensor, statistic, snapshot, layer=None):
        """[channel] of all layers or of one (an index); with a further axis [channel, ...]. None where absent."""
        path = f"channelwise/{tensor}/{statistic}"
        if path not in self.file:
            return None
        return self.file[path][snapshot, self.span(layer)] if layer is not None else self.file[path][snapshot]

    def span(self, layer):
        """Where a layer's channels lie on the axis `channel`."""
        return slice(int(self.offsets[layer]), int(self.offsets[layer] + self.channels[layer]))

    def by_layer(self, values):
        """[channel] -> a list of [channel of the layer], NaN left out; empty lists where nothing is left."""
        parts = [values[self.span(layer)] for layer in range(len(self.layers))]
        return [part[~np.isnan(part)] for part in parts]

    def fractions(self, path):
        """The fractions of an array of quantiles, its last axis: the label or scale whose values lie in (0, 1)."""
        if path not in self.file:
            return None
        array = self.file[path]
        for name in [*text(array.attrs.get("coordinates", "")).split(), "quantile"]:
            label = array.parent.get(name)
            if label is not None and label.shape == array.shape[-1:] and label.dtype.kind == "f":
                if np.all((label[:] > 0) & (label[:] < 1)):
                    return label[:]
        return None

    def edges(self, axis="bin"):
        """Lower and upper edges [bin]; both NaN in the bin of NaN. None where there is no histogram."""
        if f"{axis}_lower" not in self.file:
            return None
        return self.file[f"{axis}_lower"][:], self.file[f"{axis}_upper"][:]

    def histogram_axis(self, tensor):
        """The axis of the tensor's histogram: "bin", or "gradient_bin" of a gradient."""
        return "gradient_bin" if tensor.endswith("gradient") else "bin"

    def histogram(self, tensor, snapshot, layer):
        """Counts [bin] of a layer, None where there are none."""
        path = f"layerwise/{tensor}/histogram"
        if path not in self.file:
            return None
        counts = self.file[path][snapshot, layer]
        return counts if counts.any() else None

    def channel_histogram(self, tensor, snapshot, layer):
        """Counts [channel, bin] of a layer's channels, None where there are none."""
        counts = self.channelwise(tensor, "histogram", snapshot, layer)
        return counts if counts is not None and counts.any() else None

    # Derived.

    def time(self, snapshot):
        """When a snapshot was taken, in epochs: a step within an epoch is a fraction of it."""
        if "training/step" not in self.file or not len(self.file["training/step"]):
            return float(self.epochs[snapshot])
        steps = np.concatenate([[0], self.file["training/step"][:]])
        return float(np.interp(self.steps[snapshot], steps, np.concatenate([[0], self.file["training/epoch"][:]])))

    def width(self, tensor, snapshot):
        """(layer's width [layer], channels' widths [channel]): max - min, in the tensor's unit. None where absent:
        the channels' in a merged file.
        """
        widths = []
        for get in (self.layerwise, self.channelwise):
            ends = [get(tensor, statistic, snapshot) for statistic in ("min", "max")]
            known = all(end is not None for end in ends)
            widths.append(ends[1].astype(np.float64) - ends[0].astype(np.float64) if known else None)
        return None if widths[0] is None else tuple(widths)

    def equalized_variant(self, wanted=None):
        """The wanted variant if it was equalized, else the first one that was; None where none was."""
        path = "channelwise/repairs/equalization_scale"
        if path not in self.file:
            return None
        for name in ([wanted] if wanted in self.variants else []) + self.quantized_variants():
            if np.isfinite(self.file[path][self.pick(name)]).any():
                return name
        return None

    def narrowest_layer(self, snapshot):
        """Index of the layer whose weights, folded, have the least average channel precision: the default layer."""
        for tensor in ("folded_weight", "weight", "output"):
            precision = self.layerwise(tensor, "average_channel_precision", snapshot)
            if precision is not None and np.isfinite(precision).any():
                return int(np.nanargmin(precision))
        return len(self.layers) // 2
