#!/usr/bin/python3
"""Makes small results by hand and reads the table that table.py makes of them.

table_test.py FOLDER_OF_TABLE. Exit code 77, shown as skipped, where a package is missing.
"""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py")
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
import table  # noqa: E402


def write(folder, net, group, accuracies):
    path = folder / net / group
    path.mkdir(parents=True)
    with h5py.File(path / "result.h5", "w") as file:
        file["variant"] = np.array([name.encode() for name in accuracies])
        file["networkwise/accuracy"] = list(accuracies.values())


def call(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = table.main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def groups_of_a_net_become_one_column(folder):
    write(folder, "mobilenet_v1", "headline", {"float32": 0.92, "minmax-8": 0.05, "per_channel-8": 0.9})
    write(folder, "mobilenet_v1", "ranges", {"float32": 0.92, "minmax-6": 0.001, "minmax_w4": float("nan")})
    write(folder, "mobilenet_v2", "headline", {"float32": 0.91, "minmax-8": 0.9})
    code, printed, _ = call(folder, "--markdown", folder / "table.md")
    assert code == 0 and (folder / "table.md").read_text() == printed
    rows = {tuple(cells[1:3]): cells[3:] for line in printed.splitlines() if line.startswith("|")
            for cells in [[cell.strip() for cell in line.split("|")]]}
    assert rows["method", "bits"][:2] == ["MobileNet-V1", "MobileNet-V2"]
    assert rows["float", "32"][:2] == ["0.920", "0.910"]
    assert rows["per tensor min-max", "8"][:2] == ["0.050", "0.900"]
    assert rows["per tensor min-max", "6"][:2] == ["0.001", ""]
    assert rows["weights per channel", "8"][:2] == ["0.900", ""]
    assert ("per tensor MSE", "8") not in rows


def published_figures_stand_beside_ours_with_their_source(folder):
    write(folder, "mobilenet_v1", "headline", {"float32": 0.92, "minmax-8": 0.05})
    printed = call(folder)[1]
    line = next(line for line in printed.splitlines() if line.startswith("| per tensor min-max | 8 |"))
    assert "V1 0.710 \u2192 0.030 [1]" in line
    assert "[1] Yun & Wong 2021, https://arxiv.org/abs/2104.11849" in printed


def every_published_row_names_a_net_and_a_source(_):
    for row in table.published(pathlib.Path(sys.argv[1]) / "published.csv"):
        assert row["net"] in table.NETS and row["url"].startswith("https://") and row["source"], row
        assert 0 <= float(row["quantized"]) < 1, row


def results_of_other_images_are_not_mixed(folder):
    write(folder, "mobilenet_v1", "headline", {"float32": 0.92})
    write(folder, "mobilenet_v1", "ranges", {"float32": 0.91})
    code, _, said = call(folder)
    assert code == 1 and "float accuracy 0.9100, but other results of mobilenet_v1 have 0.9200" in said
    code, _, said = call(folder / "nothing")
    assert code == 1 and "holds no NET/GROUP/result.h5" in said


def a_damaged_result_is_named(folder):
    write(folder, "mobilenet_v1", "headline", {"float32": 0.92})
    path = folder / "mobilenet_v1" / "headline" / "result.h5"
    path.write_bytes(path.read_bytes()[:500])
    code, _, said = call(folder)
    assert code == 1 and f"{path}: damaged, or not a result: " in said, said
    with h5py.File(path, "w") as file:
        file["variant"] = [1, 2]
    code, _, said = call(folder)
    assert code == 1 and f"{path}: damaged, or not a result: " in said, said
    path.unlink()
    write(folder, "mobilenet_v2", "headline", {"int8": 0.92})
    code, _, said = call(folder)
    assert code == 1 and "result.h5: no snapshot of float32" in said, said


def no_images_are_refused(_):
    for count in ("0", "00", "-1", "x"):
        done = subprocess.run([pathlib.Path(sys.argv[1]) / "run.sh", "--images", count], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 1 and f"--images {count}; accepted: a whole number from 1" in done.stderr, done.stderr


for fact in (groups_of_a_net_become_one_column, published_figures_stand_beside_ours_with_their_source,
             every_published_row_names_a_net_and_a_source, results_of_other_images_are_not_mixed, a_damaged_result_is_named, no_images_are_refused):
    with tempfile.TemporaryDirectory() as name:
        fact(pathlib.Path(name))
    print(fact.__name__)
