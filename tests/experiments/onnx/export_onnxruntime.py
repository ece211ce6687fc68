#!/usr/bin/env python3
"""Compares exported ONNX models with onnxruntime: the float net's logits, and a quantized variant's with its simulation.

usage: export_onnxruntime.py QUANTDYN NETWORKS [RESULT.h5 ...]

QUANTDYN is the program, NETWORKS the folder of network files. A RESULT.h5 is compared as it is; its experiment has
track.tensors with the output of the nodes `input` and the last one, in all snapshots. Needs onnxruntime, numpy and
h5py; where they are missing it exits with 77, which Meson shows as skipped.

Each model runs as it is written ("as is": no optimizations), with all optimizations, among them onnxruntime's integer
kernels ("fused"), and with these but without WeightBiasQuantization, by which onnxruntime rounds the float biases and
weights that a variant leaves as they are ("kept"). Float nets: the largest difference as a share of the largest logit,
at most 1e-5. Variants: the share of images with the same top-1, the largest difference of logits in steps of their
scale (LSB), and the share of logits that are equal. As is, 90 % of the logits must be within one LSB; where biases are
int32, 80 % of the fused ones; of a given RESULT.h5 only the float net is judged, because a tie in one layer may spread.
"""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import onnxruntime as ort
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BOUND = 1e-5
NEAR = {"as is": 0.9, "fused": 0.8}  # of the logits, within one LSB

EXPERIMENT = """
data:
  source: {{name: synthetic, train_images: 1024, test_images: 64}}
network: {network}
train: {{epochs: 3, batch_size: 32, schedule: {{name: cosine, learning_rate: 0.05, warmup_epochs: 0.5}}}}
track:
  probe_images: 64
  statistics: []
  tensors: {{nodes: [input, {last}], tensors: [output], images: 64, snapshots: all}}
variants:
  - {{name: tensor, weights: {{}}, activations: {{}}, bias: int32, calibration: {{images: 256}}}}
  - {{name: channel, weights: {{quantizer: {{name: affine, symmetric: true, granularity: per_channel}}}}, activations: {{}},
     bias: int32, calibration: {{images: 256}}}}
  - {{name: channel asymmetric, weights: {{quantizer: {{name: affine, granularity: per_channel}}}}, activations: {{}},
     bias: int32, calibration: {{images: 256}}}}
  - {{name: groups of 5, weights: {{quantizer: {{name: affine, symmetric: true, granularity: per_group, group_size: 5}}}},
     activations: {{}}, bias: int32, calibration: {{images: 256}}}}
  - name: power of two
    weights: {{quantizer: {{name: affine, symmetric: true, power_of_two: ceil}}}}
    activations: {{quantizer: {{name: affine, symmetric: true, power_of_two: ceil}}}}
    bias: int32
    calibration: {{images: 256}}
  - name: 4 and 6 bits
    weights: {{quantizer: {{name: affine, bit_width: 4, granularity: per_channel}}}}
    activations: {{quantizer: {{name: affine, bit_width: 6}}}}
    bias: int32
    calibration: {{images: 256}}
  - {{name: float bias, weights: {{}}, activations: {{}}, calibration: {{images: 256}}}}
  - name: channel activations
    weights: {{}}
    activations: {{quantizer: {{name: affine, granularity: per_channel}}}}
    calibration: {{images: 256}}
"""

POOLS = """
input: [32, 32, 3]
nodes:
  - conv2d: {name: c1, channels: 8, kernel: [3, 5], padding: [0, 1, 2, 3]}
  - average_pool: {name: counted, kernel: 3, stride: 2, padding: 1, count_padding: true}
  - conv2d: {name: c2, channels: 8, kernel: 3, stride: [2, 1], padding: valid, groups: 2}
  - hard_swish: {name: swish}
  - max_pool: {name: max, kernel: 3, stride: 2, padding: [1, 0, 2, 1]}
  - conv2d: {name: c3, channels: 16, kernel: 3, padding: same}
  - leaky_relu: {name: leaky, slope: 0.2}
  - average_pool: {name: same_average, kernel: 2, stride: 1, padding: same}
  - global_average_pool: {name: squeeze}
  - dense: {name: expand, units: 16}
  - sigmoid: {name: gate}
  - multiply: {name: excited, inputs: [same_average, gate]}
  - concat: {name: both, inputs: [excited, same_average]}
  - flatten: {name: flat}
  - dense: {name: hidden, units: 12, bias: false}
  - batch_norm: {name: hidden_norm}
  - relu6: {name: hidden_relu}
  - dense: {name: logits, units: 10}
"""

NETS = {
    "regular": "{file: FOLDER/regular.yaml}",
    "dws": "{file: FOLDER/dws.yaml}",
    "mobilenet_v1": "{file: FOLDER/mobilenet_v1.yaml, alpha: 0.5, activation: relu6}",
    "residual": "{file: FOLDER/residual.yaml}",
    "inverted_residual": "{file: FOLDER/inverted_residual.yaml}",
    "every other layer": "{file: pools.yaml}",
}
# onnxruntime fuses average pools between rounded values, and then refuses scales by channel.
REFUSED_WHERE_FUSED = ("channel activations",)
LEVELS = ort.GraphOptimizationLevel
RUNS = {"as is": (LEVELS.ORT_DISABLE_ALL, []), "fused": (LEVELS.ORT_ENABLE_ALL, []),
        "kept": (LEVELS.ORT_ENABLE_ALL, ["WeightBiasQuantization"])}


def logits_of(model, x, level, disabled):
    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


class Result:
    """Images and logits of a result's last snapshots."""

    def __init__(self, path):
        with h5py.File(path) as f:
            variants, nodes = list(f["variant"].asstr()), list(f["layer"].asstr())
            self.last = nodes[-1]
            at = {variant: i for i, variant in enumerate(variants)}
            images = f[f"tensors/{at['float32']}/{nodes[0]}/output"][:]
            self.images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
            self.logits = {variant: f[f"tensors/{i}/{self.last}/output"][:] for variant, i in at.items()}
            self.scale, self.integer_bias = {}, {}
            for variant in f.get("quantization", {}):
                group = f[f"quantization/{variant}"]
                scale = group.get(f"{self.last}/output/scale")
                self.scale[variant] = np.nan if scale is None else scale[:]
                self.integer_bias[variant] = any(f"{node}/bias" in group for node in nodes)


class Comparison:
    def __init__(self, quantdyn, is_judging):
        self.quantdyn, self.is_judging, self.failures = os.path.abspath(quantdyn), is_judging, 0

    def export(self, result, model, more=()):
        done = subprocess.run([self.quantdyn, "export", result, "--output", model, "--force", *more],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr.strip()

    def compare(self, name, path, folder):
        result, model = Result(path), os.path.join(folder, "model.onnx")
        for variant, ours in result.logits.items():
            refused = self.export(path, model, [] if variant == "float32" else ["--variant", variant])
            if refused:
                print(f"{name:<19}{variant:<20}refused: {refused}", flush=True)
                self.failures += 1
                continue
            if variant == "float32":
                self.report_float(name, ours, result.images, model)
            else:
                self.report_variant(name, variant, ours, result, model)

    def report_float(self, name, ours, images, model):
        shares = []
        for run in ("as is", "fused"):
            difference = np.abs(ours - logits_of(model, images, *RUNS[run])).max() / np.abs(ours).max()
            shares.append(f"{run} {difference:.1e}{'' if difference < BOUND else ' FAILED'}")
            self.failures += not difference < BOUND
        print(f"{name:<19}{'float32':<20}{'  '.join(shares)}", flush=True)

    def report_variant(self, name, variant, ours, result, model):
        texts = []
        for run, how in RUNS.items():
            integer_bias = result.integer_bias[variant]
            if run == "kept" and integer_bias:
                continue
            try:
                theirs = logits_of(model, result.images, *how)
            except Exception as refusal:  # onnxruntime has a class for each status
                is_expected = run != "as is" and variant in REFUSED_WHERE_FUSED
                self.failures += not is_expected
                texts.append(f"{run}: refused: {str(refusal).split(' : ')[-1]}{'' if is_expected else ' FAILED'}")
                continue
            steps = np.abs(ours - theirs) / result.scale[variant]
            is_judged = self.is_judging and (run == "as is" or (run == "fused" and integer_bias))
            bad = is_judged and not np.mean(steps < 1.5) >= NEAR[run]
            self.failures += bad
            texts.append(f"{run}: top-1 {np.mean(ours.argmax(1) == theirs.argmax(1)):.4f}, LSB {steps.max():.0f}, "
                         f"equal {np.mean(steps < 0.5):.4f}{' FAILED' if bad else ''}")
        print(f"{name:<19}{variant:<20}{'  '.join(texts)}", flush=True)


def main(quantdyn, networks, results):
    comparison = Comparison(quantdyn, not results)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "pools.yaml"), "w", encoding="utf-8") as f:
            f.write(POOLS)
        for name, network in NETS.items() if not results else ():
            with open(os.path.join(folder, "experiment.yaml"), "w", encoding="utf-8") as f:
                f.write(EXPERIMENT.format(network=network.replace("FOLDER", os.path.abspath(networks)), last="logits"))
            subprocess.run([comparison.quantdyn, "run", "experiment.yaml", "--output", "run", "--force", "--quiet"],
                           check=True, stdout=subprocess.DEVNULL, cwd=folder)
            comparison.compare(name, os.path.join(folder, "run", "result.h5"), folder)
        for path in results:
            comparison.compare(os.path.basename(os.path.dirname(os.path.abspath(path))), path, folder)
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
