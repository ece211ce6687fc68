"""A small real result for the tests of figures and report: a tiny net, three epochs, three variants, in seconds."""
import os
import subprocess

EXPERIMENT = """
name: {name}
data:
  source: {{name: synthetic, train_images: 64, test_images: 16}}
network: {{file: {networks}/{network}.yaml, width: 0.125}}
train: {{epochs: 3, batch_size: 32, schedule: {{name: constant, learning_rate: 0.05}}}}
track: {{probe_images: 16, epochs: [0, 1, 2]}}
variants:
  - {{name: int8, weights: {{}}, activations: {{}}}}
  - name: int4
    weights: {{quantizer: {{name: affine, bit_width: 4}}}}
    activations: {{quantizer: {{name: affine, bit_width: 4}}}}
  - {{name: equalized, weights: {{}}, activations: {{}}, repairs: {{equalize: {{}}}}}}
"""


def small_result(program, networks, folder, network="dws", name="small"):
    """Runs the experiment; returns the path of its result.h5."""
    experiment, output = os.path.join(folder, f"{name}.yaml"), os.path.join(folder, name)
    with open(experiment, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(networks=networks, network=network, name=name))
    subprocess.run([program, "run", experiment, "--output", output], check=True, capture_output=True)
    return os.path.join(output, "result.h5")
