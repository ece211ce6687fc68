#!/usr/bin/env python3
"""Predicts the time of a training step on many processes from what one and two of them take on this machine.

    scaling.py PROGRAM [--network FILE] [--batch 256] [--cluster-batch 2048] [--seconds-per-image S] [--check]

PROGRAM is built with -Dmpi=enabled. Measured: the time of a step of one process with two threads, the part of it that each layer
takes, and how often and how much two processes exchange. --seconds-per-image is that of another size of image, whose layers
take the same parts. --check also measures two and four processes of one thread on this machine, and two whose link has less
bandwidth (network namespaces; needs root, `ip` and `tc`), and puts the predictions beside. tests/bench/README.md says how it
predicts. Needs h5py, and cores that nothing else uses.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py

SHARE = 32  # images that are never divided between processes
LINKS = {"Ethernet, 25 Gb/s, 20 us": (20e-6, 25e9 / 8), "InfiniBand, 200 Gb/s, 2 us": (2e-6, 200e9 / 8)}
OPEN_MPI = dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_WAIT_POLICY="passive")


class Bench:
    """Runs of one net: the seconds of a step, and what is exchanged in it."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder, self.steps = arguments, folder, 4
        self.experiment = folder / "scaling.yaml"
        self.experiment.write_text(json.dumps({
            "name": "scaling", "network": {"file": str(pathlib.Path(arguments.network).resolve())},
            "data": {"source": {"name": "synthetic", "train_images": self.steps * arguments.batch, "test_images": 32}},
            "train": {"epochs": 3, "batch_size": arguments.batch, "schedule": {"name": "constant", "learning_rate": 0.001}},
            "track": {"probe_images": 8, "epochs": [], "statistics": ["moments"]}, "variants": []}))

    def run(self, ranks, threads, epochs=3, launch=None):
        output = self.folder / "result"
        shutil.rmtree(output, ignore_errors=True)
        command = [self.arguments.program, "run", str(self.experiment), "--quiet", "--ignore-limits", "--threads", str(threads),
                   "--set", f"train.epochs={epochs}", "--output", str(output)]
        if ranks > 1:
            command = (launch or (lambda c, n: ["mpirun", "-np", str(n), "--oversubscribe", "--bind-to", "none", *c]))(command, ranks)
        done = subprocess.run(command, env={**os.environ, **OPEN_MPI}, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        with h5py.File(output / "result.h5") as file:
            facts = file["provenance"].attrs
            out = {key: float(facts.get(key, 0)) for key in
                   ("exchanges", "exchanged_bytes", "later_exchanges", "later_exchanged_bytes", "exchange_seconds")}
            out["step"] = float(min(file["training/seconds"][:])) / self.steps
            parameters = dict(zip(file["layer"].asstr()[:], file["network/parameters"][:]))
        return out, parameters

    def step(self, ranks, threads, launch=None):
        """The best of three runs."""
        return min(self.run(ranks, threads, launch=launch)[0]["step"] for _ in range(3))

    def exchanged(self):
        """What a step of two processes exchanges: runs of three epochs and of one differ by two epochs of steps."""
        (three, _), (one, _) = self.run(2, 1, 3), self.run(2, 1, 1)
        return {key: (three[key] - one[key]) / (2 * self.steps) for key in three if key != "step"}

    def layers(self):
        """The share of a step that each layer takes forward and backward, and the bytes of its gradient, by layer in order."""
        command = [self.arguments.program, "bench", self.arguments.network, "--mode", "train", "--layers", "--threads", "2",
                   "--batch", str(self.arguments.batch)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows = json.loads(printed.splitlines()[-1])["layers"]
        _, parameters = self.run(1, 2, 1)
        out = {}
        for row in rows:
            layer = out.setdefault(row["layer"], {"forward": 0.0, "backward": 0.0, "bytes": 4 * int(parameters.get(row["layer"], 0))})
            layer["backward" if row["pass"] == "backward" else "forward"] += row["share"]
        total = sum(layer["forward"] + layer["backward"] for layer in out.values())
        for layer in out.values():
            layer["forward"] /= total
            layer["backward"] /= total
        return list(out.values())


def predicted(compute, layers, exchanged, ranks, latency, bandwidth):
    """Seconds of a step whose computing takes `compute` seconds a process: its layers one after another, and one link."""
    if ranks == 1:
        return compute
    rounds = math.ceil(math.log2(ranks))
    trained = [layer for layer in layers if layer["bytes"]]
    # Each trained layer has an exchange forward and one backward: those of its norm.
    wait = exchanged["exchanges"] / (2 * len(trained)) * (
        rounds * latency + (ranks - 1) * exchanged["exchanged_bytes"] / exchanged["exchanges"] / bandwidth)
    scale = exchanged["later_exchanged_bytes"] / sum(layer["bytes"] for layer in trained)
    now = sum(layer["forward"] * compute + (wait if layer["bytes"] else 0) for layer in layers)
    free, begun, held = 0.0, [], None  # when the link is; ends of the first halves; the gradient that waits

    def begin():
        nonlocal free, held, now
        if held is not None:
            half = held * scale * (ranks - 1) / ranks / bandwidth + rounds * latency
            free = max(now, free) + half
            begun.append((free, half))
            held = None
        if len(begun) > 2 and begun[-3]:  # the sums of two layers before are joined, and go to all
            end, half = begun[-3]
            now, begun[-3] = max(now, end), None
            free = max(now, free) + half
    for layer in reversed(layers):
        if layer["bytes"]:
            now = max(now, free) + wait  # it queues behind what travels
            begin()
            held = layer["bytes"]
        now += layer["backward"] * compute
    begin()
    for last in [entry for entry in begun if entry]:
        free = max(now, free) + last[1]
    return max(now, free)


def namespaces(rate):
    """Two network namespaces joined by a link of this rate, and how mpirun starts a process in each."""
    def sh(*commands):
        for command in commands:
            subprocess.run(command.split(), check=True)
    for name in ("quantdyn-a", "quantdyn-b"):
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        sh(f"ip netns add {name}")
    sh("ip link add qa netns quantdyn-a type veth peer name qb netns quantdyn-b")
    for name, device, address in (("quantdyn-a", "qa", "10.77.0.1/24"), ("quantdyn-b", "qb", "10.77.0.2/24")):
        sh(f"ip -n {name} addr add {address} dev {device}", f"ip -n {name} link set lo up", f"ip -n {name} link set {device} up")
        sh(f"ip netns exec {name} tc qdisc add dev {device} root tbf rate {rate}mbit burst 256kb latency 100ms")


def launch_in_namespaces(folder):
    agent = folder / "agent.sh"
    agent.write_text('#!/bin/bash\nshift\nexec ip netns exec quantdyn-b unshare --uts sh -c "hostname quantdyn-b; cd $PWD; $*"\n')
    agent.chmod(0o755)

    def launch(command, ranks):
        assert ranks == 2
        net = "10.77.0.0/24"
        mpi = ["mpirun", "-np", "2", "--host", "10.77.0.1:1,10.77.0.2:1", "--bind-to", "none", "--mca", "plm_rsh_agent", str(agent),
               "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", net, "--mca", "oob_tcp_if_include", net, *command]
        return ["ip", "netns", "exec", "quantdyn-a", "unshare", "--uts", "sh", "-c", 'hostname quantdyn-a; exec "$@"', "sh", *mpi]
    return launch


def check(bench, alone, layers, exchanged):
    print(f"\nOn this machine, one thread a process, milliseconds a step (one process with two threads: {1e3 * alone:.1f}):")
    print(f"{'processes':>24} {'measured':>10} {'predicted':>10} {'ratio':>7}")

    def row(name, measured, model):
        print(f"{name:>24} {1e3 * measured:10.1f} {1e3 * model:10.1f} {measured / model:7.2f}")
    # The two cores do all the work of a step, however many processes share them.
    row("2", bench.step(2, 1), alone)
    row("4", bench.step(4, 1), alone)
    if os.geteuid() or not shutil.which("tc"):
        print("no link of less bandwidth: it needs root and tc")
        return
    launch = launch_in_namespaces(bench.folder)
    for rate in (2000, 1000, 500, 200):
        namespaces(rate)
        row(f"2, over {rate} Mb/s", bench.step(2, 1, launch), predicted(alone, layers, exchanged, 2, 50e-6, rate * 1e6 / 8))
    for name in ("quantdyn-a", "quantdyn-b"):
        subprocess.run(["ip", "netns", "del", name], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--network", default="experiments/networks/mobilenet_v1.yaml")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--cluster-batch", type=int, default=2048, help="of the predictions")
    parser.add_argument("--seconds-per-image", type=float, help="of a training step; measured if not given")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        alone, exchanged, layers = bench.step(1, 2), bench.exchanged(), bench.layers()
        print(f"{pathlib.Path(arguments.network).stem}, batch {arguments.batch}: {1e3 * alone:.1f} ms a step; two processes: "
              f"{exchanged['exchanges']:.0f} exchanges that are waited for, {exchanged['exchanged_bytes'] / 1024:.1f} KiB, and "
              f"{exchanged['later_exchanges']:.0f} that are not, {exchanged['later_exchanged_bytes'] / 2**20:.1f} MiB")
        batch = arguments.cluster_batch
        image = arguments.seconds_per_image or alone / arguments.batch
        print(f"\nPredicted for batch {batch}, each process on a machine like this ({1e3 * image:.2f} ms an image): milliseconds a step, "
              "and efficiency")
        print(f"{'processes':>10}" + "".join(f" {name:>28}" for name in LINKS))
        parts = math.ceil(batch / SHARE)
        for ranks in (1, 2, 4, 8, 16, 32, 64):
            compute = image * SHARE * math.ceil(parts / ranks)
            times = [predicted(compute, layers, exchanged, ranks, *link) for link in LINKS.values()]
            print(f"{ranks:10}" + "".join(f" {1e3 * t:20.1f}  {image * batch / ranks / t:5.0%} " for t in times))
        if arguments.check:
            check(bench, alone, layers, exchanged)


if __name__ == "__main__":
    main()
