#!/usr/bin/python3
"""Reads the made-up result of make_result.cpp as users do: h5py, xarray through h5netcdf and netCDF4, h5dump.

read_result.py MAKE_RESULT. Exit code 77, which Meson shows as skipped, where a package is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import h5netcdf  # noqa: F401
    import h5py
    import netCDF4  # noqa: F401
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-xarray python3-h5netcdf python3-netcdf4")
    sys.exit(77)


def check_h5py(path):
    with h5py.File(path) as f:
        assert f.attrs["status"].decode() == "complete"
        assert f.attrs["schema"] == 1 and f.attrs["seed"] == 7
        assert f["config/raw"].asstr()[()] == "seed: 7  # größer\n"
        assert list(f["layer"].asstr()) == ["conv1", "dw2", "größer", "add"]
        assert f["provenance"].attrs["threads"] == 2
        mean = f["layerwise/output/mean"]
        assert mean.shape == (3, 4) and mean.dtype == np.float64 and mean.maxshape == (3, 4)
        assert [d.label or d.keys()[0] for d in mean.dims] == ["snapshot", "layer"]
        assert f["channelwise/output/max"].dtype == np.float32
        assert f["channelwise/output/histogram"].dtype == np.uint32
        assert f["layerwise/output/count"].dtype == np.uint64
        assert f["channelwise/output/histogram"].compression == "gzip"
        assert f["layerwise/output/layer"] == f["layer"]  # the same object, not a copy

        def has_what_readers_need(name, item):
            if not isinstance(item, h5py.Dataset):
                return
            assert {"units", "long_name"} <= set(item.attrs), name
            assert "scale_factor" not in item.attrs and "add_offset" not in item.attrs, name
            string = h5py.check_string_dtype(item.dtype)
            assert string is None or string.length is None, name
            assert None not in item.maxshape, name
            attached = [bool(d.keys()) for d in item.dims]
            assert h5py.h5ds.is_scale(item.id) or all(attached) or not any(attached), name

        f.visititems(has_what_readers_need)


def check_layerwise(path, engine):
    with xr.open_dataset(path, engine=engine, group="layerwise/output") as ds:
        assert ds["mean"].dims == ("snapshot", "layer")
        assert ds.sel(layer="dw2")["mean"].values.tolist() == [1, 101, 201]
        assert ds.sel(layer="größer", snapshot=2)["mean"] == 202
        assert np.isnan(ds.sel(layer="add")["mean"]).all()
        assert set(ds.coords) == {"snapshot", "layer", "variant", "epoch", "step"}
        assert ds["variant"].values.tolist() == ["float32", "float32", "int8"]
        assert ds.swap_dims(snapshot="variant").sel(variant="int8")["local_sqnr"].values[0] == 30
        assert ds["local_sqnr"].attrs["units"] == "dB" and "log10" in ds["local_sqnr"].attrs["formula"]


def check_channelwise(path, engine):
    with xr.open_dataset(path, engine=engine, group="channelwise/output") as ds:
        histogram = ds["histogram"]
        assert histogram.dims == ("snapshot", "channel", "bin")
        of_node = histogram.isel(channel=(ds.node == "add").values)
        assert of_node.index_in_node.values.tolist() == [0, 1, 2, 3]
        assert of_node.values[2, 0].tolist() == [2070, 2071, 2072, 2073]
        indexed = ds["max"].set_index(channel=["node", "index_in_node"])
        assert indexed.sel(node="dw2", index_in_node=1).values.tolist() == [4, 104, 204]
        assert np.isneginf(ds.bin_lower.values[0]) and ds.bin_upper.values[0] == -1


def check_other_groups(path, engine):
    def open_group(group, **options):
        return xr.open_dataset(path, engine=engine, group=group, **options)

    with open_group(None) as ds:
        assert {"snapshot", "layer", "channel", "bin", "training_row"} <= set(ds.dims)
    with open_group("networkwise") as ds:
        assert ds["accuracy"].values.tolist() == [0.5, 0.625, 0.75]
        assert ds["accuracy"].epoch.values.tolist() == [0, 1, 1]
    with open_group("network") as ds:
        assert ds.sel(layer="dw2")["inputs"].item() == "conv1"
        assert ds["parameters"].values.sum() == 112
    with open_group("training") as ds:
        assert ds["seconds"].values.tolist() == [2.5] and ds["seconds"].dtype == np.float64
    with open_group("quantization/int8/dw2/weight") as ds:
        assert ds["codes"].shape == (3, 2) and ds["levels"].dims == ("quantized_channel", "level")
        assert ds.attrs["bit_width"] == 2
    with open_group("quantization/int8/conv1/output") as ds:
        assert ds["convergence_low"].sel(calibration_images=64).values.tolist() == [-2]
    options = {"phony_dims": "sort"} if engine == "h5netcdf" else {}  # the other one need not be asked
    with open_group("weights/1/dw2", **options) as ds:
        assert ds["weight"].shape == (3, 3, 3) and ds["bias"].values.tolist() == [0.5, -0.5]


def check_gradients_and_raw_tensors(path):
    with xr.open_dataset(path, engine="h5netcdf", group="layerwise/weight_gradient") as ds:
        histogram = ds["histogram"].sel(layer="dw2")
        assert histogram.dims == ("snapshot", "gradient_bin")
        assert histogram.values.tolist() == [[3, 0], [3, 1], [0, 0]]  # the variant has none
        assert ds.gradient_bin_lower.values.tolist() == [-0.5, 0]
    with h5py.File(path) as f:
        assert sorted(f["tensors"]) == ["0", "1", "2"]
        assert sorted(f["tensors/1/dw2"]) == ["output", "weight_gradient"]
        assert sorted(f["tensors/2/dw2"]) == ["output"]
        assert f["tensors/1/dw2/weight_gradient"].attrs["long_name"].decode() == \
            "gradient of the mean loss by the weight of dw2"
    with xr.open_dataset(path, engine="h5netcdf", group="tensors/2/dw2", phony_dims="sort") as ds:
        assert ds["output"].shape == (2, 8, 8, 2) and ds["output"].dtype == np.float32
        assert (ds["output"] == 0.25).all()


def check_snapshot(path):
    with xr.open_dataset(path, engine="h5netcdf", group="layerwise/output") as ds:
        assert ds.snapshot.values.tolist() == [1] and ds.sel(layer="dw2")["mean"].item() == 101


def check_before_training(path):
    with xr.open_dataset(path, engine="h5netcdf", group="training") as ds:
        assert ds.sizes["training_row"] == 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "run")
        subprocess.run([sys.argv[1], output], check=True)
        result = os.path.join(output, "result.h5")
        check_h5py(result)
        for engine in ("h5netcdf", "netcdf4"):
            check_layerwise(result, engine)
            check_channelwise(result, engine)
            check_other_groups(result, engine)
        check_gradients_and_raw_tensors(result)
        check_snapshot(os.path.join(output, "snapshots", "snapshot-0001.h5"))
        check_before_training(os.path.join(output, "snapshots", "snapshot-0000.h5"))
        if shutil.which("h5dump"):
            listing = subprocess.run(["h5dump", "-n", result], check=True, capture_output=True, text=True).stdout
            assert "/channelwise/output/histogram" in listing
        if shutil.which("h5ls"):
            listing = subprocess.run(["h5ls", "-r", result], check=True, capture_output=True, text=True).stdout
            assert "/tensors/1/dw2/weight_gradient Dataset {3, 3}" in listing
        subprocess.run(["sha256sum", "-c", "--quiet", "result.h5.sha256"], cwd=output, check=True)


if __name__ == "__main__":
    main()
