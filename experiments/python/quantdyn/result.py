"""One result.h5 (its layout: ../../FILE.md) as xarray datasets and pandas tables."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr
import yaml

FLOAT = "float32"
SCHEMA = 1
SCHEME_COLUMNS = ("bit_width", "quantizer", "granularity", "symmetric", "estimator")
# The tensor of /quantization whose scheme applies to the statistics of a tensor.
SCHEME_OF = {"weight": "weight", "folded_weight": "weight", "output": "output"}


class ResultError(Exception):
    """What was asked for is not there: which file, what it has instead."""


def _text(value: Any) -> Any:
    """bytes as str; anything else as it is."""
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    return {name: _text(value) for name, value in item.attrs.items()}


class _Group(Mapping[str, xr.Dataset]):
    """The tensors of /layerwise or /channelwise, each opened when it is asked for."""

    def __init__(self, result: Result, name: str) -> None:
        self._result, self._name = result, name
        self._opened: dict[str, xr.Dataset] = {}
        with h5py.File(result.path) as file:
            found = file.get(name, {})
            self._tensors = [key for key in found if isinstance(found[key], h5py.Group)]

    def __getitem__(self, tensor: str) -> xr.Dataset:
        if tensor not in self._tensors:
            raise ResultError(f"{self._result.path}: no {self._name}/{tensor}; it has {', '.join(self._tensors)}")
        if tensor not in self._opened:
            self._opened[tensor] = self._result._dataset(f"{self._name}/{tensor}")
        return self._opened[tensor]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(self._tensors)}>"


class Result:
    """A result of `quantdyn run`, or one that `quantdyn merge` made.

    path: the file.
    attributes: those of the file and of /provenance.
    config: the experiment with every default written out.
    snapshots: a row a snapshot: variant, epoch, step.
    nodes: a row a layer: kind, shape, parameters, multiply-accumulates.
    training: a row an epoch: loss (nat), accuracy, learning rate, seconds.
    network: Dataset of all metrics of the whole net over `snapshot`.
    layers, channels: Datasets by tensor, over (snapshot, layer) and (snapshot, channel); arrays are read when they are used.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        if self.path.is_dir():
            self.path /= "result.h5"
        try:
            with h5py.File(self.path) as file:
                self.attributes = _attributes(file) | (_attributes(file["provenance"]) if "provenance" in file else {})
                if self.attributes.get("schema") != SCHEMA or "snapshot" not in file or "layer" not in file:
                    raise ResultError(f"{self.path}: not a result of quantdyn with schema {SCHEMA}; accepted: a result.h5 of quantdyn run")
                self.config: dict[str, Any] = yaml.safe_load(_text(file["config/resolved"][()]))
                self.snapshots = pd.DataFrame({name: self._column(file[name]) for name in ("variant", "epoch", "step")},
                                              index=pd.RangeIndex(len(file["snapshot"]), name="snapshot"))
                self.nodes = self._table(file["network"], "name").rename_axis("layer")
                self.training = self._table(file["training"]) if "training" in file else pd.DataFrame()
                self._schemes = self._read_schemes(file)
        except OSError as error:
            state = "is not HDF5" if self.path.is_file() else "is no file"
            raise ResultError(f"{self.path}: {state}; accepted: a result.h5 of quantdyn run, or its folder") from error
        self.layers, self.channels = _Group(self, "layerwise"), _Group(self, "channelwise")
        self.network = self._dataset("networkwise")

    @staticmethod
    def _column(dataset: h5py.Dataset) -> np.ndarray:
        return dataset.asstr()[:] if h5py.check_string_dtype(dataset.dtype) else dataset[:]

    def _table(self, group: h5py.Group, index: str | None = None) -> pd.DataFrame:
        columns = {name: self._column(item) for name, item in group.items()
                   if isinstance(item, h5py.Dataset) and item.ndim == 1 and not h5py.h5ds.is_scale(item.id)}
        frame = pd.DataFrame(columns)
        return frame.set_index(index) if index else frame

    @staticmethod
    def _read_schemes(file: h5py.File) -> pd.DataFrame:
        """A row a variant, node and quantized tensor: SCHEME_COLUMNS."""
        rows = []
        for variant, of_variant in file.get("quantization", {}).items():
            for node, of_node in of_variant.items():
                for tensor, item in of_node.items():
                    attributes = _attributes(item)
                    if "scheme" not in attributes:
                        continue
                    scheme = yaml.safe_load(attributes["scheme"])
                    quantizer = scheme["quantizer"]
                    rows.append((variant, node, tensor, attributes.get("bit_width"), quantizer["name"], quantizer.get("granularity"),
                                 quantizer.get("symmetric"), scheme["estimator"]["name"]))
        return pd.DataFrame(rows, columns=["variant", "layer", "tensor", *SCHEME_COLUMNS])

    def _dataset(self, group: str) -> xr.Dataset:
        out = xr.open_dataset(self.path, engine="h5netcdf", group=group)
        if "layer" in out.dims:
            out = out.assign_coords(kind=("layer", self.nodes["kind"].to_numpy()))
        return out.assign_attrs(path=str(self.path))

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.attributes.get("experiment", self.path.parent.name))

    @property
    def seed(self) -> int:
        return int(self.attributes["seed"])

    @property
    def variants(self) -> list[str]:
        """Names of the quantized variants, in the order of the file."""
        return [name for name in dict.fromkeys(self.snapshots["variant"]) if name != FLOAT]

    def schemes(self) -> pd.DataFrame:
        """A row a variant, layer and quantized tensor: bit_width, quantizer, granularity, symmetric, estimator."""
        return self._schemes.copy()

    def to_frame(self, group: str, *, last: bool = False) -> pd.DataFrame:
        """A flat table of "networkwise", "layerwise/TENSOR" or "channelwise/TENSOR".

        A row a snapshot (and layer, or channel), with variant, epoch, step; layer and kind; of weights and outputs also the
        scheme: bit_width, quantizer, granularity, symmetric, estimator, missing where a tensor is not quantized. Arrays with
        a further axis, such as histograms, are left out. `last`: only the last snapshot of every variant.
        """
        tensor = group.partition("/")[2]
        data = {"layerwise": self.layers, "channelwise": self.channels}.get(group.partition("/")[0])
        if group == "networkwise":
            dataset = self.network
        elif data is None or not tensor:
            raise ResultError(f"{group}: accepted: networkwise, layerwise/TENSOR, channelwise/TENSOR")
        else:
            dataset = data[tensor]
        axis = {"networkwise": [], "layerwise": ["layer"], "channelwise": ["channel"]}[group.partition("/")[0]]
        dims = ("snapshot", *axis)
        flat = dataset.drop_vars([name for name in dataset.variables
                                  if not set(dataset[name].dims) <= set(dims) or (name in dataset.data_vars and dataset[name].dims != dims)])
        frame = flat.to_dataframe().reset_index().rename(columns={"node": "layer"})
        if "layer" in frame and "kind" not in frame:
            frame["kind"] = frame["layer"].map(self.nodes["kind"])
        if axis and tensor in SCHEME_OF:
            of_tensor = self._schemes[self._schemes["tensor"] == SCHEME_OF[tensor]].drop(columns="tensor")
            frame = frame.merge(of_tensor, on=["variant", "layer"], how="left")
        frame.insert(0, "seed", self.seed)
        frame.insert(0, "run", self.name)
        if last:
            last_of = self.snapshots.reset_index().groupby("variant")["snapshot"].max()
            frame = frame[frame["snapshot"].isin(last_of)].reset_index(drop=True)
        first = [name for name in ("run", "seed", "snapshot", "variant", "epoch", "step", "layer", "kind", "channel", "index_in_node",
                                   *SCHEME_COLUMNS) if name in frame]
        return frame[[*first, *(name for name in frame if name not in first)]]

    def weights(self, variant: str = FLOAT, epoch: int | None = None) -> dict[str, np.ndarray]:
        """{"NODE/PARAMETER": array} of a variant's last snapshot, or of that after an epoch; shapes: ../../FILE.md."""
        found = self.snapshots[self.snapshots["variant"] == variant]
        if epoch is not None:
            found = found[found["epoch"] == epoch]
        if found.empty:
            raise ResultError(f"{self.path}: no snapshot of {variant}" + (f" at epoch {epoch}" if epoch is not None else "")
                              + f"; it has {', '.join(dict.fromkeys(self.snapshots['variant']))}")
        index, out = found.index[-1] if epoch is None else found.index[0], {}
        with h5py.File(self.path) as file:
            if f"weights/{index}" not in file:
                kept = ", ".join(sorted(file.get("weights", {}), key=int)) or "none"
                raise ResultError(f"{self.path}: snapshot {index} keeps no weights (track.weights); those that do: {kept}")
            for node, parameters in file[f"weights/{index}"].items():
                for name, values in parameters.items():
                    out[f"{node}/{name}"] = values[()]
        return out

    def close(self) -> None:
        """Closes the datasets; tables that were read stay."""
        for dataset in (self.network, *self.layers._opened.values(), *self.channels._opened.values()):
            dataset.close()

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        variants = ", ".join(self.variants) or "none"
        return f"<quantdyn.Result {self.name}, seed {self.seed}: {len(self.snapshots)} snapshots, {len(self.nodes)} layers, variants {variants}>"


def open(path: str | os.PathLike[str]) -> Result:  # noqa: A001 (as xarray and h5py call it)
    """The result at a path: a result.h5 or its folder. ResultError says what is wrong with it."""
    return Result(path)


def concat(results: Sequence[Result | str | os.PathLike[str]], group: str, **options: Any) -> pd.DataFrame:
    """to_frame() of several results, of other nets or seeds, as one table; the columns `run`, `seed` and `net` tell them apart."""
    frames = []
    for item in results:
        result = item if isinstance(item, Result) else open(item)
        frame = result.to_frame(group, **options)
        frame.insert(2, "net", pathlib.PurePosixPath(str(result.config.get("network", {}).get("file", ""))).stem)
        frames.append(frame)
    if not frames:
        raise ResultError("concat: expected one result or more")
    return pd.concat(frames, ignore_index=True)
