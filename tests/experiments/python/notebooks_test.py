#!/usr/bin/python3
"""Executes the code of notebooks, each in a folder of its own: notebooks_test.py PACKAGE_FOLDER QUANTDYN NOTEBOOK...

Exit code 77, shown as skipped, where a package is missing.
"""
import json
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5netcdf  # noqa: F401
    import matplotlib
    import pandas  # noqa: F401
    import xarray  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5netcdf, python3-matplotlib, python3-pandas and python3-xarray")
    sys.exit(77)

matplotlib.use("Agg")
sys.path.insert(0, os.path.abspath(sys.argv[1]))
os.environ["QUANTDYN"] = os.path.abspath(sys.argv[2])


def execute(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names, home = {}, os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    assert cell["outputs"] == [], f"{path}: has outputs; accepted: none, they would be stale"
                    exec(compile("".join(cell["source"]), f"{path.name}, {cell['id']}", "exec"), names)
        finally:
            os.chdir(home)
    print(path.name)


for argument in sys.argv[3:]:
    execute(pathlib.Path(argument).resolve())
