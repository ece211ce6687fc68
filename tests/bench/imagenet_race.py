#!/usr/bin/env python3
"""Races quantdyn against onnxruntime and torch on nets that read photographs, turn by turn in one run.

usage: imagenet_race.py --quantdyn build/quantdyn --nets NET[,NET ...] [--modes infer,simulate,stats] [--hooks histc,bincount]
                        [--threads 2] [--batch 16] [--seconds 5] [--rounds 5] [--torch-python /usr/bin/python3]

A NET is a file that quantdyn accepts as a net: an ONNX or Keras model, a network YAML. Images per second of

    infer     float inference                     beside onnxruntime's
    simulate  a variant of 8 bits, as simulated   beside the exported QDQ model in onnxruntime's integer kernels
    stats     every tap tracked, by channel       beside torch and a hook on every convolution, norm, activation and sum that
              takes minimum, maximum, mean, deviation and 256 bins of each channel: `histc` calls torch.histc for a channel
              at a time, `bincount` bins all channels in one call

Needs a Python with onnxruntime, onnx, numpy and h5py. torch may be that of another Python (--torch-python: Debian's
python3-torch); without it `stats` has no peer, and the output says so. Both models are exported by quantdyn from a run on random
images, the QDQ one with weights by channel, symmetric, and int32 biases. Programs run one at a time, in turns, with all
optimizations of onnxruntime; torch has the better of both memory layouts. Prints medians, and the ratio quantdyn / peer
turn by turn (min median max).
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

EXPERIMENT = """
network: {{file: {net}}}
data:
  source: {{name: hdf5, file: images.h5, train_x: x, train_y: y, test_x: x, test_y: y, classes: {classes}}}
  standardize: {{mode: given, mean: 127.5, deviation: 127.5}}
train: {{epochs: 0, schedule: {{name: constant, learning_rate: 0.01}}}}
track: {{probe_images: 8, statistics: []}}
variants:
  - name: int8
    weights: {{quantizer: {{name: affine, symmetric: true, granularity: per_channel, widen_for_bias: true}}}}
    activations: {{}}
    bias: int32
    calibration: {{images: 8}}
"""


def rate_of(step, batch, seconds):
    """Images per second of step(), after two that are not timed."""
    step()
    step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or count < 3:
        step()
        count += 1
    return {"images_per_second": count * batch / (time.perf_counter() - start), "iterations": count}


def onnxruntime_peer(a):
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = a.threads, 3
    session = ort.InferenceSession(a.model, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    x = np.random.default_rng(0).normal(size=(a.batch, *given.shape[1:])).astype(np.float32)
    return rate_of(lambda: session.run(None, {given.name: x}), a.batch, a.seconds)


def write_plan(model, file):
    """The nodes and arrays of an ONNX model, for a Python that has no onnx."""
    import numpy as np
    import onnx
    graph = onnx.load(model).graph
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    nodes = [{"op": node.op_type, "inputs": list(node.input), "output": node.output[0],
              "attributes": {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}}
             for node in graph.node]
    shape = [size.dim_value for size in graph.input[0].type.tensor_type.shape.dim][1:]
    np.savez(file, plan=json.dumps({"nodes": nodes, "input": graph.input[0].name, "shape": shape}), **arrays)


def torch_operators():
    import torch
    import torch.nn.functional as F

    def padded(x, at, value=0.0):
        top, left, bottom, right = at["pads"]
        return F.pad(x, (left, right, top, bottom), value=value) if any(at["pads"]) else x

    def conv(at, x, weight, bias=None):
        return F.conv2d(padded(x, at), weight, bias, at["strides"], groups=at["group"])

    def norm(at, x, scale, shift, mean, variance):
        return F.batch_norm(x, mean, variance, scale, shift, eps=at["epsilon"])

    def max_pool(at, x):
        return F.max_pool2d(padded(x, at, -float("inf")), at["kernel_shape"], at["strides"])

    def average_pool(at, x):
        pads = at["pads"]
        if pads[:2] != pads[2:]:
            sys.exit("torch has no average pool with other padding at the end than at the start")
        return F.avg_pool2d(x, at["kernel_shape"], at["strides"], pads[:2], count_include_pad=bool(at["count_include_pad"]))

    return {
        "Conv": conv, "BatchNormalization": norm, "MaxPool": max_pool, "AveragePool": average_pool,
        "Gemm": lambda at, x, weight, bias=None: F.linear(x, weight, bias),
        "Relu": lambda at, x: F.relu(x), "Sigmoid": lambda at, x: torch.sigmoid(x),
        "Clip": lambda at, x, low=None, high=None: torch.clamp(x, low, high),
        "LeakyRelu": lambda at, x: F.leaky_relu(x, at["alpha"]), "HardSwish": lambda at, x: F.hardswish(x),
        "Add": lambda at, x, y: x + y, "Mul": lambda at, x, y: x * y, "Sum": lambda at, *x: sum(x),
        "Concat": lambda at, *x: torch.cat(x, at["axis"]),
        "GlobalAveragePool": lambda at, x: x.mean((2, 3), keepdim=True), "Flatten": lambda at, x: x.flatten(1),
        "Transpose": lambda at, x: x.permute(at["perm"]), "Unsqueeze": lambda at, x, axes: x[:, :, None, None],
    }


SILENT = ("Flatten", "Transpose", "Unsqueeze")  # they compute nothing


def moments(torch, x):
    """[channels, values], and by channel minimum, maximum, mean and deviation."""
    flat = x.transpose(0, 1).reshape(x.shape[1], -1)
    return flat, flat.amin(1), flat.amax(1), *torch.std_mean(flat, 1, unbiased=False)


def hook_histc(torch, x):
    flat, *others = moments(torch, x)
    return [torch.histc(channel, 256) for channel in flat], others


def hook_bincount(torch, x):
    flat, low, high, *others = moments(torch, x)
    width = (high - low).clamp_min(1e-12)
    index = ((flat - low[:, None]) * (255.999 / width)[:, None]).to(torch.int64)
    index += torch.arange(len(flat))[:, None] * 256
    return torch.bincount(index.reshape(-1), minlength=256 * len(flat)).view(-1, 256), low, high, others


def torch_peer(a):
    import numpy as np
    import torch
    torch.set_num_threads(a.threads)
    file = np.load(a.model)
    plan, operators = json.loads(str(file["plan"])), torch_operators()
    layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format

    def laid_out(values):
        tensor = torch.from_numpy(values)
        return tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor

    arrays = {name: laid_out(file[name]) for name in file.files if name != "plan"}
    x = laid_out(np.random.default_rng(0).normal(size=(a.batch, *plan["shape"])).astype(np.float32))
    hook = {"histc": hook_histc, "bincount": hook_bincount}[a.hook]

    def step():
        values, kept = {**arrays, "": None, plan["input"]: x}, {}
        with torch.no_grad():
            for node in plan["nodes"]:
                y = operators[node["op"]](node["attributes"], *(values[name] for name in node["inputs"]))
                values[node["output"]] = y
                if node["op"] not in SILENT:
                    kept[node["output"]] = hook(torch, y)
        return kept

    return rate_of(step, a.batch, a.seconds)


class Race:
    def __init__(self, a, folder):
        self.a, self.folder = a, folder
        self.env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OMP_PROC_BIND="true")

    def path(self, name):
        return os.path.join(self.folder, name)

    def last_json(self, command):
        out = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, check=True, text=True).stdout
        return json.loads(out.strip().splitlines()[-1])

    def call(self, *arguments):
        subprocess.run([self.a.quantdyn, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def quantdyn(self, net, mode):
        start = time.perf_counter()
        row = self.last_json([self.a.quantdyn, "bench", net, "--mode", mode, "--batch", str(self.a.batch), "--threads",
                              str(self.a.threads), "--seconds", str(self.a.seconds)])
        if row["iterations"] * self.a.batch / row["images_per_second"] > time.perf_counter() - start:
            sys.exit(f"{net} {mode}: the images claimed do not fit into the time that the process took")
        return row["images_per_second"]

    def peer(self, python, kind, model, seconds=None, **more):
        command = [python, os.path.abspath(__file__), "--peer", kind, "--model", model, "--threads", str(self.a.threads),
                   "--batch", str(self.a.batch), "--seconds", str(seconds or self.a.seconds)]
        for key, value in more.items():
            command += ["--" + key, value]
        return self.last_json(command)["images_per_second"]

    def export(self, net):
        """float.onnx, int8.onnx and plan.npz of a net."""
        import h5py
        import numpy as np
        table = subprocess.run([self.a.quantdyn, "inspect", net], check=True, stdout=subprocess.PIPE, text=True).stdout
        shapes = [json.loads(text) for text in re.findall(r"\[[\d, ]+\]", table)]
        with h5py.File(self.path("images.h5"), "w") as f:
            f["x"] = np.random.default_rng(0).integers(0, 256, (8, *shapes[0]), dtype=np.uint8)
            f["y"] = np.zeros(8, dtype=np.int64)
        with open(self.path("race.yaml"), "w", encoding="utf-8") as f:
            f.write(EXPERIMENT.format(net=net, classes=shapes[-1][-1]))
        self.call("run", "race.yaml", "--output", "run", "--force", "--quiet")
        self.call("export", "run/result.h5", "--output", "float.onnx", "--force")
        self.call("export", "run/result.h5", "--output", "int8.onnx", "--variant", "int8", "--force")
        write_plan(self.path("float.onnx"), self.path("plan.npz"))

    def peers(self, mode):
        """The peers of a mode: name and a function that measures one turn."""
        if mode == "stats":
            return [(f"torch {hook} {self.layout(hook)}", lambda hook=hook: self.torch(hook, self.layout(hook)))
                    for hook in self.a.hooks.split(",")] if self.has_torch() else []
        model = self.path("float.onnx" if mode == "infer" else "int8.onnx")
        name = "onnxruntime float" if mode == "infer" else "onnxruntime QDQ"
        return [(name, lambda: self.peer(sys.executable, "onnxruntime", model))]

    def torch(self, hook, layout, seconds=None):
        return self.peer(self.a.torch_python, "torch", self.path("plan.npz"), seconds, hook=hook, layout=layout)

    def layout(self, hook):
        if (self.net, hook) not in self.layouts:
            rates = {layout: self.torch(hook, layout, self.a.seconds / 3) for layout in ("nchw", "nhwc")}
            self.layouts[self.net, hook] = max(rates, key=rates.get)
        return self.layouts[self.net, hook]

    def has_torch(self):
        return subprocess.run([self.a.torch_python, "-c", "import torch"], check=False, stderr=subprocess.DEVNULL).returncode == 0

    def run(self):
        self.layouts = {}
        print(f"{'net':<20}{'mode':<10}{'quantdyn':>9}{'peer':>9}  ratio min median max   peer")
        for net in map(os.path.abspath, self.a.nets.split(",")):
            self.net, name = net, os.path.splitext(os.path.basename(net))[0]
            self.export(net)
            for mode in self.a.modes.split(","):
                peers = self.peers(mode)
                if not peers:
                    print(f"{name:<20}{mode:<10}{self.quantdyn(net, mode):9.1f}{'-':>9}  no torch in {self.a.torch_python}")
                for peer, measure in peers:
                    self.turns(name, net, mode, peer, measure)

    def turns(self, name, net, mode, peer, measure):
        ours, theirs = [], []
        for turn in range(self.a.rounds):
            if turn % 2 == 0:
                theirs.append(measure())
            ours.append(self.quantdyn(net, mode))
            if turn % 2 == 1:
                theirs.append(measure())
        ratios = sorted(our / their for our, their in zip(ours, theirs))
        print(f"{name:<20}{mode:<10}{statistics.median(ours):9.1f}{statistics.median(theirs):9.1f}"
              f"  {ratios[0]:9.2f} {statistics.median(ratios):6.2f} {ratios[-1]:6.2f}  {peer}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quantdyn")
    p.add_argument("--nets")
    p.add_argument("--modes", default="infer,simulate,stats")
    p.add_argument("--hooks", default="histc,bincount")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--torch-python", default="/usr/bin/python3")
    for hidden in ("--peer", "--model", "--hook", "--layout"):
        p.add_argument(hidden, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.peer:
        return print(json.dumps({"onnxruntime": onnxruntime_peer, "torch": torch_peer}[a.peer](a)))
    if not a.quantdyn or not a.nets:
        p.error("--quantdyn and --nets are missing")
    a.quantdyn = os.path.abspath(a.quantdyn)
    with tempfile.TemporaryDirectory() as folder:
        Race(a, folder).run()


if __name__ == "__main__":
    main()
