"""A small real result for the tests of figures and report, and what both need to run the commands."""
import os
import shutil
import subprocess
import sys

import h5py

EXPERIMENT = """
name: {name}
data:
  source: {{name: synthetic, train_images: 64, test_images: 16}}
network: {{file: {networks}/{network}.yaml, width: 0.125}}
train:
  epochs: 3
  batch_size: 32
  schedule: {{name: constant, learning_rate: 0.05}}
  quantization: {{variant: trained, folding: running}}
track: {{probe_images: 16, epochs: [0, 1, 2], quantize: [trained]}}
variants:
  - {{name: int8, weights: {{}}, activations: {{}}}}
  - name: int4
    weights: {{quantizer: {{name: affine, bit_width: 4}}}}
    activations: {{quantizer: {{name: affine, bit_width: 4}}}}
  - {{name: equalized, weights: {{}}, activations: {{}}, repairs: {{equalize: {{}}}}}}
  - {{name: minmax, weights: {{}}, activations: {{}}, bit_widths: [8, 4], sensitivity: {{images: 8}}}}
  - {{name: trained, weights: {{quantizer: {{name: affine, bit_width: 4}}}}}}
"""


def small_result(program, networks, folder, network, *more, output=None):
    """Trains and quantizes a tiny net in seconds; returns the path of its result.h5, in the folder `output` (the net's name)."""
    experiment, output = os.path.join(folder, f"{network}.yaml"), os.path.join(folder, output or network)
    with open(experiment, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(networks=networks, network=network, name=f"small {network}"))
    subprocess.run([program, "run", experiment, "--output", output, *more], check=True, capture_output=True)
    return os.path.join(output, "result.h5")


# Names that pages, formulas and terminals would take for something else.
HOSTILE = ("<!--<script>", "</script><b>", r"$\frac$", "$a$ $", '" onload="x', "id=\"x", "a-- >", "_hidden", "\x1b[31m", "&lt;",
           "x" * 5000, "line\nend")


def with_hostile_names(result, copy):
    """A copy of the result whose layers, variants and experiment have such names."""
    shutil.copy(result, copy)
    with h5py.File(copy, "a") as f:
        layers, variants = list(f["layer"].asstr()), list(f["variant"].asstr())
        del f["layer"], f["variant"]  # their texts have room for the longest name only
        f["layer"] = [HOSTILE[i] if i < len(HOSTILE) else name for i, name in enumerate(layers)]
        quantized = [name for name in dict.fromkeys(variants) if name != "float32"]
        names = {name: hostile + name[len(name.rstrip("0123456789")) - 1:] * ("-" in name)  # "-8" stays an ending
                 for name, hostile in zip(quantized, HOSTILE)}
        f["variant"] = [names.get(name, name) for name in variants]
        f["provenance"].attrs["experiment"] = "<!--<script>$\\frac$"
    return copy


def call(module, *arguments, **environment):
    """(exit code, standard output, standard error) of a command of the package in sys.argv[1], without a traceback."""
    done = subprocess.run([sys.executable, "-B", "-m", module, *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": sys.argv[1], **environment})
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def expect_refusal(module, arguments, *parts):
    """The command fails with one line that holds every part."""
    code, _, errors = call(module, *arguments)
    assert code in (1, 2) and errors.count("\n") == 1, (code, errors)  # 1: it failed, 2: it was asked for what is not there
    for part in parts:
        assert part in errors, (part, errors)
