#!/usr/bin/python3
"""Runs a small experiment through the package experiments/python, and compares its tables with the file.

python_test.py PACKAGE_FOLDER QUANTDYN NETWORKS. Exit code 77, shown as skipped, where a package is missing.
"""
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5netcdf  # noqa: F401
    import h5py
    import matplotlib
    import matplotlib.pyplot
    import numpy as np
    import pandas as pd
    import xarray  # noqa: F401
    import yaml  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5netcdf, python3-h5py, python3-matplotlib, python3-pandas, python3-xarray and python3-yaml")
    sys.exit(77)

matplotlib.use("Agg")
sys.path.insert(0, sys.argv[1])
os.environ["QUANTDYN"] = os.path.abspath(sys.argv[2])
import quantdyn  # noqa: E402

NETWORKS = sys.argv[3]


def experiment(**changes):
    return {"data": {"source": {"name": "synthetic", "train_images": 256, "test_images": 64}},
            "network": {"file": f"{NETWORKS}/dws.yaml", "width": 0.125},
            "train": {"epochs": 2, "batch_size": 32, "schedule": {"name": "cosine", "learning_rate": 0.05}},
            "track": {"probe_images": 32, "epochs": [0, 1], "quantize": ["int8"]},
            "variants": [{"name": "int8", "weights": {}, "activations": {}, "calibration": {"images": 64}},
                         {"name": "w4", "weights": {"quantizer": {"name": "affine", "bit_width": 4, "granularity": "per_channel"}}}],
            **changes}


def fails(kind, call, words):
    try:
        call()
    except kind as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def a_dict_runs_and_its_tables_are_the_file(folder):
    result = quantdyn.run(experiment(name="first", seed=3), folder / "first", progress=False)
    assert result.name == "first" and result.seed == 3 and result.variants == ["int8", "w4"]
    assert [*result.snapshots.variant] == ["float32", "int8", "float32", "int8", "float32", "int8", "w4"]
    assert len(result.training) == 2 and result.config["train"]["epochs"] == 2
    assert result.nodes.loc["sep2_dw", "kind"] == "depthwise"
    frame = result.to_frame("layerwise/output")
    assert len(frame) == 7 * len(result.nodes)
    with h5py.File(folder / "first" / "result.h5") as file:
        stored = file["layerwise/output/local_sqnr"][6, list(result.nodes.index).index("sep3_pw")]
        assert frame[(frame.snapshot == 6) & (frame.layer == "sep3_pw")].local_sqnr.item() == stored
        np.testing.assert_array_equal(result.layers["output"]["mean"].values, file["layerwise/output/mean"][:])
        np.testing.assert_array_equal(result.weights()["conv1.conv/weight"], file["weights/4/conv1.conv/weight"][:])
        assert result.channels["weight"]["histogram"].dims == ("snapshot", "channel", "bin")
    weights = result.to_frame("channelwise/folded_weight", last=True)
    assert set(weights.snapshot) == {4, 5, 6}
    low = weights[(weights.variant == "w4") & (weights.layer == "sep2_dw")]
    assert set(low.bit_width) == {4} and set(low.granularity) == {"per_channel"} and set(low.kind) == {"depthwise"}
    assert list(low.index_in_node) == list(range(len(low)))
    assert weights[weights.variant == "float32"].bit_width.isna().all()
    outputs = result.to_frame("layerwise/output", last=True)
    assert outputs[outputs.variant == "w4"].bit_width.isna().all() and (outputs[outputs.variant == "int8"].bit_width == 8).all()
    result.close()


def runs_are_joined_with_their_net_and_seed(folder):
    for seed in (1, 2):
        quantdyn.run(experiment(name=f"seed{seed}", seed=seed, train={**experiment()["train"], "epochs": 1},
                                track={"probe_images": 32}), folder / f"seed{seed}", progress=False)
    table = quantdyn.concat([folder / "seed1", quantdyn.open(folder / "seed2")], "networkwise", last=True)
    assert isinstance(table, pd.DataFrame) and set(table.net) == {"dws"} and set(table.seed) == {1, 2}
    assert len(table) == 2 * 3 and table.accuracy.notna().all()


def figures_are_functions_that_leave_the_settings_alone(folder):
    result = quantdyn.run(experiment(), folder / "drawn", progress=False)
    before = dict(matplotlib.rcParams)
    names = [name for name in quantdyn.figures.__all__ if name not in ("Missing", "UserError", "save")]
    assert len(names) == 16 and set(dir(quantdyn)) >= {"figures", "open", "run"}
    for name in names:
        try:
            figure = getattr(quantdyn.figures, name)(result, variants=["int8"], width="column")
        except quantdyn.figures.Missing as why:
            assert name in ("bits", "oscillation", "sensitivity"), (name, why)  # this result has none of what they show
            continue
        assert isinstance(figure, matplotlib.figure.Figure) and round(figure.get_figwidth(), 2) == 3.35, name
    assert dict(matplotlib.rcParams) == before
    pair = quantdyn.figures.errors(result, folder / "drawn", style="dark")
    assert len(pair.axes) >= 2
    assert not matplotlib.pyplot.get_fignums()
    quantdyn.figures.save(pair, "pair.pdf")
    content = pathlib.Path("pair.pdf").read_bytes()
    assert b"/Type3" not in content and b"/CIDFontType2" in content
    wrong = quantdyn.figures.UserError
    fails(wrong, lambda: quantdyn.figures.errors(result, variants="int3"), "no variant int3; it has")
    fails(wrong, quantdyn.figures.errors, "no result; accepted: one or more")
    fails(wrong, lambda: quantdyn.figures.errors(result, width="wide"), "width 'wide'; accepted: column, page")
    fails(wrong, lambda: quantdyn.figures.errors(result, style="blue"), "style 'blue'; accepted: light, dark")
    fails(wrong, lambda: quantdyn.figures.save(pair, "pair.bmp"), "accepted: a name that ends in .pdf, .png, .svg")


def figures_without_matplotlib_and_tables_without_it(folder):
    (folder / "matplotlib.py").write_text("raise ImportError('no matplotlib here')", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{sys.argv[1]}"}
    done = subprocess.run([sys.executable, "-B", "-m", "quantdyn.figures", "--help"], capture_output=True, text=True, check=False,
                          env=environment, cwd="/")
    assert done.returncode == 1 and done.stderr.startswith("figures: no matplotlib here; ") and "QUANTDYN_PYTHON" in done.stderr, done
    done = subprocess.run([sys.executable, "-B", "-c", "import quantdyn; quantdyn.open; print(quantdyn.figures)"], capture_output=True,
                          text=True, check=False, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr


def what_is_wrong_is_said(folder):
    fails(quantdyn.ProgramError, lambda: quantdyn.run(experiment(trian={}), folder / "typo", progress=False), "trian: unknown key")
    assert not list(pathlib.Path(".").glob("experiment-*.yaml"))
    fails(quantdyn.ResultError, lambda: quantdyn.open(folder / "nothing"), "is no file")
    (folder / "text.h5").write_text("text", encoding="utf-8")
    fails(quantdyn.ResultError, lambda: quantdyn.open(folder / "text.h5"), "is not HDF5")
    result = quantdyn.run(experiment(track={"probe_images": 32, "weights": "none"}), folder / "plain", progress=False)
    fails(quantdyn.ResultError, lambda: result.to_frame("layerwise"), "accepted: networkwise, layerwise/TENSOR")
    fails(quantdyn.ResultError, lambda: result.to_frame("layerwise/outputs"), "no layerwise/outputs; it has")
    fails(quantdyn.ResultError, result.weights, "keeps no weights (track.weights); those that do: none")
    fails(quantdyn.ResultError, lambda: result.weights("int4"), "no snapshot of int4; it has float32, int8, w4")
    fails(quantdyn.ResultError, lambda: quantdyn.concat([], "networkwise"), "expected one result or more")


def a_bar_does_not_hide_the_message(folder):
    with contextlib.redirect_stderr(io.StringIO()):
        fails(quantdyn.ProgramError, lambda: quantdyn.run(experiment(trian={}), folder / "typo"), "trian: unknown key")


def a_missing_program_is_named(folder):
    done = subprocess.run([sys.executable, "-B", "-c", "import quantdyn; quantdyn.run('x.yaml', 'out')"], cwd=folder, capture_output=True,
                          text=True, check=False, env={"PATH": "/usr/bin", "PYTHONPATH": sys.argv[1]})
    assert "no program quantdyn: set the environment variable QUANTDYN" in done.stderr, done.stderr
    os.environ["QUANTDYN"] = str(folder / "absent")
    fails(quantdyn.ProgramError, lambda: quantdyn.run("x.yaml", folder / "out"), "absent: QUANTDYN names no program")


for fact in (a_dict_runs_and_its_tables_are_the_file, runs_are_joined_with_their_net_and_seed,
             figures_are_functions_that_leave_the_settings_alone, figures_without_matplotlib_and_tables_without_it,
             what_is_wrong_is_said,
             a_bar_does_not_hide_the_message, a_missing_program_is_named):
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        fact(pathlib.Path(name))
        os.chdir("/")
    print(fact.__name__)
