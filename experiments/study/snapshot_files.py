#!/usr/bin/python3
"""The float32 snapshots of a result that keep their weights: a line each of epoch and absolute path, for run.sh.

    snapshot_files.py RESULT

Epochs have three digits. Needs h5py.
"""
import pathlib
import sys

try:
    import h5py
except ImportError as missing:
    sys.exit(f"snapshot_files.py: {missing}; install python3-h5py")


def snapshot_files(result):
    """[(epoch, path)] by epoch of the snapshots/*.h5 beside `result` that are float32, after an epoch, with weights."""
    found = {}
    for path in sorted((pathlib.Path(result).resolve().parent / "snapshots").glob("snapshot-*.h5")):
        with h5py.File(path, "r") as file:
            if file["variant"].asstr()[0] == "float32" and "weights" in file and len(file["weights"]):
                found[int(file["epoch"][0])] = path
    return sorted(found.items())


def main(words):
    if len(words) != 1 or not pathlib.Path(words[0]).is_file():
        print("snapshot_files.py: expected one result.h5", file=sys.stderr)
        return 1
    for epoch, path in snapshot_files(words[0]):
        print(f"{epoch:03d} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
