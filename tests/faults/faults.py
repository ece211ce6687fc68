#!/usr/bin/env python3
"""Kills and breaks small runs at every call that changes a file, and checks what they leave.

faults.py QUANTDYN SHIM SAME_RESULT [--long] [--only NAME]... [--limit N] [--minutes M] [--seed S]

After every fault: no result.h5 with a wrong checksum, and none that opens but differs from that of a run without a fault; a run that
was not killed ended with exit code 1 or 2 and one line; another run gives the result to the last bit. Prints for each kind of fault
how many were tried and what happened. --long tries every call, without it a few; --limit bounds the number of
each kind, --minutes the time.
"""
import argparse
import collections
import ctypes
import hashlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

EXPERIMENT = """name: faulty
seed: 3
data:
  source: {source}
network: {{file: net.yaml}}
train: {{epochs: 2, batch_size: 32, schedule: {{name: constant, learning_rate: 0.05}}}}
track:
  probe_images: 16
  every: 1
  statistics: [moments]
  tensors: {{nodes: [conv, logits], tensors: [conv, output], images: 12}}
variants: [{{name: int8, weights: {{}}, activations: {{}}, calibration: {{images: 16}}}}]
"""
NETWORK = """input: [32, 32, 3]
nodes:
  - conv2d: {name: conv, channels: 4, kernel: 3, stride: 4}
  - batch_norm: {name: norm}
  - relu: {name: relu}
  - global_average_pool: {name: pool}
  - dense: {name: logits, units: 10}
"""
SOURCE = "{name: synthetic, train_images: 64, test_images: 32}"
DEADLINE = 120  # seconds; a run takes less than one


class Faults:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.folder = tempfile.mkdtemp(prefix="quantdyn_faults_")
        self.outcomes = collections.defaultdict(collections.Counter)
        self.problems = []
        self.count = 0
        self.end = time.monotonic() + 60 * options.minutes
        self.write("net.yaml", NETWORK)
        self.write("faulty.yaml", EXPERIMENT.format(source=SOURCE))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    # Runs.

    def start(self, output, fault=None, prepare=None, more=(), config="faulty.yaml", quiet=True):
        environment = dict(os.environ)
        if fault:
            environment.update(fault, LD_PRELOAD=self.options.shim)
        command = [self.options.quantdyn, "run", config, "--threads", "1", "--output", output]
        return subprocess.Popen(command + ["--quiet"] * quiet + list(more), cwd=self.folder, env=environment, preexec_fn=prepare,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, output, fault=None, prepare=None, more=(), config="faulty.yaml", quiet=True):
        process = self.start(output, fault, prepare, more, config, quiet)
        for seconds in DEADLINE, 1:  # this process may have been stopped for longer than the other took
            try:
                errors = process.communicate(timeout=seconds)[1]
                return process.returncode, errors
            except subprocess.TimeoutExpired:
                pass
        process.kill()
        return "hangs", process.communicate()[1]

    def new_output(self):
        self.count += 1
        return f"out{self.count}"

    # Checks.

    def fails(self, kind, what, text):
        self.problems.append(f"{kind}, {what}: {text}")
        self.outcomes[kind]["PROBLEM"] += 1
        print(f"PROBLEM: {self.problems[-1]}", flush=True)

    def difference(self, result, reference):
        found = subprocess.run([self.options.same_result, reference, result], capture_output=True, text=True)
        return "" if found.returncode == 0 else found.stdout.strip() or f"exit code {found.returncode}"

    def wrong_checksum(self, result):
        try:
            with open(result + ".sha256", encoding="utf-8") as file:
                expected = file.read().split()[0]
        except FileNotFoundError:
            return False
        with open(result, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() != expected

    def bad_result(self, output, reference):
        """What is wrong with the result that a fault left; "" if nothing, or if there is none."""
        result = os.path.join(self.folder, output, "result.h5")
        if not os.path.exists(result):
            return ""
        if self.wrong_checksum(result):
            return "result.h5 has a wrong checksum"
        return self.difference(result, reference)

    def check_end(self, kind, what, code, errors):
        """Whether the faulty run ended as it should."""
        lines = [line for line in errors.splitlines() if line]
        if code == "hangs" or (isinstance(code, int) and code < 0 and code not in (-signal.SIGKILL, -signal.SIGXFSZ)):
            self.fails(kind, what, f"ended with {code}: {errors[-300:]}")
            return False
        if code in (1, 2) and (len(lines) != 1 or not lines[0].startswith("quantdyn: ")):
            self.fails(kind, what, f"not one line: {errors[:600]}")
            return False
        return True

    def check(self, kind, what, output, code, errors, reference=None, **again):
        reference = reference or self.path("reference", "result.h5")
        is_good = self.check_end(kind, what, code, errors)
        problem = self.bad_result(output, reference)
        if problem:
            self.fails(kind, what, problem)
            is_good = False
        if os.path.exists(self.path(output, "result.h5")):
            outcome = "result is whole"
        else:
            second, errors = self.run(output, **again)
            if second != 0:
                self.fails(kind, what, f"the next run ended with {second}: {errors[-300:]}")
                is_good = False
            elif problem := self.bad_result(output, reference):
                self.fails(kind, what, f"after the next run: {problem}")
                is_good = False
            outcome = "next run completes"
        if is_good:
            self.outcomes[kind][f"exit {code}, {outcome}"] += 1
        shutil.rmtree(self.path(output), ignore_errors=True)

    # Kinds of fault.

    def chosen(self, calls, quick):
        """Some of the calls, in any order, or all."""
        calls = list(calls)
        most = min(len(calls), self.options.limit if self.options.long else quick)
        if most >= len(calls):
            return calls
        return self.random.sample(calls, most)

    def is_over(self):
        return time.monotonic() > self.end

    def calls(self):
        """A letter for every call of an undisturbed run."""
        trace = self.path("trace")
        code, errors = self.run("traced", {"FAULT_AT": "0", "FAULT_TRACE": trace})
        assert code == 0, errors
        with open(trace, encoding="utf-8") as file:
            letters = file.read()
        os.remove(trace)
        shutil.rmtree(self.path("traced"))
        return letters

    def at_calls(self, kind, does, letters, quick):
        trace = self.calls()
        numbers = [i + 1 for i, letter in enumerate(trace) if letter in letters]
        print(f"{kind}: {len(numbers)} such calls", flush=True)
        for number in self.chosen(numbers, quick):
            if self.is_over():
                return
            output = self.new_output()
            code, errors = self.run(output, {"FAULT_AT": str(number), "FAULT_DOES": does})
            self.check(kind, f"call {number} ({trace[number - 1]})", output, code, errors)

    def kill_at_every_call(self):
        self.at_calls("SIGKILL before a sync, rename, create, link or unlink", "kill", "sroudtl", 4)
        self.at_calls("SIGKILL before a write", "kill", "w", 1)
        self.at_calls("SIGKILL in the middle of a write", "torn", "w", 1)

    def kill_at_random(self):
        began = time.monotonic()
        assert self.run("timed")[0] == 0
        lasts = time.monotonic() - began
        for _ in range(self.options.limit if self.options.long else 1):
            if self.is_over():
                return
            output = self.new_output()
            process = self.start(output)
            time.sleep(self.random.random() * lasts * 1.1)
            process.kill()
            errors = process.communicate()[1]
            self.check("SIGKILL at a random moment", "", output, process.returncode, errors)

    def errors_at_every_call(self):
        self.at_calls("ENOSPC from a call on", "28+", "wostd", 2)
        self.at_calls("EIO at a call", "5", "wosrtdl", 2)
        self.at_calls("EACCES at a call", "13", "wosrtdl", 1)

    def no_room_for_checkpoints(self):
        kind = "ENOSPC from a call on, for checkpoints"
        for number in self.chosen(range(1, 13), 1):
            output = self.new_output()
            code, errors = self.run(output, {"FAULT_AT": str(number), "FAULT_DOES": "28+", "FAULT_IN": "/checkpoints"}, quiet=False)
            failed = errors.count("a checkpoint could not be written: ")
            if code != 0 or failed > 1:
                self.fails(kind, f"call {number}", f"ended with {code}: {errors[-300:]}")
                continue
            self.check(kind, f"call {number}", output, code, errors)

    def small_disks(self):
        kind = "a disk of 8 KiB to 3 MiB"
        sizes = [int(8192 * 1.37 ** i) for i in range(20)]
        mount = ctypes.CDLL(None, use_errno=True)
        for size in sizes if self.options.long else sizes[12:13]:
            output = self.new_output()
            os.mkdir(self.path(output))
            target = self.path(output).encode()
            if mount.mount(b"tmpfs", target, b"tmpfs", 0, f"size={size}".encode()) != 0:
                self.outcomes[kind]["skipped: may not mount"] += 1
                return
            try:
                code, errors = self.run(output, more=["--ignore-limits"])
                self.check_end(kind, f"{size} bytes", code, errors)
                problem = self.bad_result(output, self.path("reference", "result.h5"))
                if problem:
                    self.fails(kind, f"{size} bytes", problem)
                else:
                    self.outcomes[kind][f"exit {code}"] += 1
            finally:
                mount.umount2(target, 2)
            os.rmdir(self.path(output))

    def read_only_folder(self):
        kind = "a read-only folder"
        mount = ctypes.CDLL(None, use_errno=True)
        output = self.new_output()
        os.mkdir(self.path(output))
        is_root = os.geteuid() == 0
        if is_root and mount.mount(b"tmpfs", self.path(output).encode(), b"tmpfs", 1, b"") != 0:
            self.outcomes[kind]["skipped: may not mount"] += 1
            return
        if not is_root:
            os.chmod(self.path(output), 0o555)
        code, errors = self.run(output)
        if code != 2:
            self.fails(kind, "", f"exit code {code}: {errors}")
        elif self.check_end(kind, "", code, errors):
            self.outcomes[kind][f"exit {code}"] += 1
        if is_root:
            mount.umount2(self.path(output).encode(), 2)

    def limits(self):
        for kind, what, sizes in (("RLIMIT_FSIZE", resource.RLIMIT_FSIZE, [1 << i for i in range(10, 24)]),
                                  ("RLIMIT_AS", resource.RLIMIT_AS, [i << 20 for i in range(20, 700, 20)])):
            # Else ulimit -f would be refused before anything is written.
            more = ["--ignore-limits"] if what == resource.RLIMIT_FSIZE else []
            for size in sizes if self.options.long else sizes[1::len(sizes) // 3]:
                output = self.new_output()
                code, errors = self.run(output, prepare=lambda: resource.setrlimit(what, (size, size)), more=more)
                self.check(kind, f"{size} bytes", output, code, errors)

    def two_runs(self):
        kind = "two runs into one folder"
        for _ in range(20 if self.options.long else 1):
            output = self.new_output()
            both = [self.start(output) for _ in range(2)]
            ends = sorted((p.returncode, errors) for errors, p in ((p.communicate()[1], p) for p in both))
            if ends[0][0] != 0 or ends[1][0] not in (0, 2):
                self.fails(kind, "", str(ends))
            self.check(kind, "", output, *ends[1])

    def shrinking_data(self):
        kind = "a data set that shrinks"
        source = ("{name: hdf5, file: images.h5, train_x: train_x, train_y: train_y, test_x: test_x, test_y: test_y, "
                  "classes: 10, memory_mib: 0}")
        self.write("stored.yaml", EXPERIMENT.format(source=source))
        images = self.path("images.h5")

        def restore():
            subprocess.run([self.options.same_result, "--images", images], check=True)

        restore()
        code, errors = self.run("stored", config="stored.yaml")
        assert code == 0, errors
        reference = self.path("stored", "result.h5")
        size = os.path.getsize(images)
        for i in range(12 if self.options.long else 1):
            output = self.new_output()
            process = self.start(output, config="stored.yaml")
            while process.poll() is None and not os.path.exists(self.path(output, "snapshots", "snapshot-0000.h5")):
                time.sleep(0.001)
            time.sleep(0.02 * i)
            os.truncate(images, size * self.random.randrange(10) // 10)
            errors = process.communicate(timeout=DEADLINE)[1]
            restore()
            self.check(kind, f"{0.02 * i:.2f} s after the first snapshot", output, process.returncode, errors, reference,
                       config="stored.yaml")

    def all(self):
        code, errors = self.run("reference")
        assert code == 0, errors
        kinds = [self.kill_at_every_call, self.kill_at_random, self.errors_at_every_call, self.no_room_for_checkpoints,
                 self.small_disks,
                 self.read_only_folder, self.limits, self.two_runs, self.shrinking_data]
        for kind in kinds:
            if not self.options.only or kind.__name__ in self.options.only:
                kind()
        for kind, outcomes in self.outcomes.items():
            print(f"{kind}: {sum(outcomes.values())} tried")
            for outcome, count in sorted(outcomes.items()):
                print(f"    {count:5} {outcome}")
        print(f"{sum(sum(o.values()) for o in self.outcomes.values())} faults, {len(self.problems)} problems")
        shutil.rmtree(self.folder, ignore_errors=True)
        return 1 if self.problems else 0


def main():
    parser = argparse.ArgumentParser()
    for name in ("quantdyn", "shim", "same_result"):
        parser.add_argument(name, type=os.path.abspath)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", action="append")
    parser.add_argument("--limit", type=int, default=1 << 30)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after which no further kills and failing calls begin")
    parser.add_argument("--seed", type=int, default=1)
    return Faults(parser.parse_args()).all()


if __name__ == "__main__":
    sys.exit(main())
