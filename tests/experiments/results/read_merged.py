#!/usr/bin/python3
"""Reads the merged file of make_merged.cpp as users do: h5py, xarray through h5netcdf, h5ls.

read_merged.py MAKE_MERGED. Exit code 77, which Meson shows as skipped, where a package is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import h5netcdf  # noqa: F401
    import h5py
    import numpy as np
    import xarray as xr
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-xarray python3-h5netcdf")
    sys.exit(77)

INTERVAL = 4.302652729749462 * np.sqrt(7 / 3)  # of 1, 2, 6


def check_h5py(path):
    with h5py.File(path) as f:
        assert f.attrs["status"].decode() == "merged" and f.attrs["schema"] == 1
        assert f.attrs["merged_seeds"].tolist() == [7, 8, 9]
        assert len(f.attrs["merged_sha256"]) == 3
        assert f["layerwise/output/count"].dtype == np.uint64
        assert f["layerwise/output/count"][2, 1] == 15_000_000_003
        assert set(f) >= {"layerwise", "networkwise", "training", "network", "config", "provenance"}
        assert not {"channelwise", "weights", "quantization"} & set(f)
        f.visititems(lambda name, item: isinstance(item, h5py.Group) or {"units", "long_name"} <= set(item.attrs)
                     or sys.exit(f"{name} lacks units or long_name"))


def check_xarray(path):
    with xr.open_dataset(path, engine="h5netcdf", group="layerwise/output") as ds:
        dw2 = ds.swap_dims(snapshot="variant").sel(variant="int8", layer="dw2")
        assert dw2["spread"] == 6 and np.isclose(dw2["spread_interval"], 2 * INTERVAL)
        assert dw2["spread_runs"].dims == ("run",) and dw2["spread_runs"].values.tolist() == [2, 4, 12]
        assert dw2["spread_runs"].run_seed.values.tolist() == [7, 8, 9]
        assert ds["spread_runs"].dims == ("snapshot", "layer", "run")
    with xr.open_dataset(path, engine="h5netcdf", group="networkwise") as ds:
        assert ds["loss"].values.tolist() == [3, 3, 3]
        np.testing.assert_allclose(ds["loss_interval"], INTERVAL)
        # Own statistics of the runs are those of the file.
        np.testing.assert_allclose(ds["loss_runs"].mean("run"), ds["loss"])
    with xr.open_dataset(path, engine="h5netcdf", group="training") as ds:
        np.testing.assert_allclose(ds["loss_interval"], [INTERVAL])
    with xr.open_dataset(path, engine="h5netcdf") as ds:
        assert {"snapshot", "layer", "bin", "run"} <= set(ds.dims)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        merged = os.path.join(folder, "merged.h5")
        check_h5py(merged)
        check_xarray(merged)
        if shutil.which("h5ls"):
            listing = subprocess.run(["h5ls", "-r", merged], check=True, capture_output=True, text=True).stdout
            assert "/layerwise/output/spread_runs Dataset {3, 4, 3}" in listing, listing
        subprocess.run(["sha256sum", "-c", "--quiet", "merged.h5.sha256"], cwd=folder, check=True)


if __name__ == "__main__":
    main()
