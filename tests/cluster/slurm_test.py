#!/usr/bin/env python3
"""Sweeps on a real Slurm of two nodes on this machine; run.sh calls it.

    slurm_test.py QUANTDYN NETWORKS ROOT [--only TEST]

ROOT is where Debian's packages were unpacked, or "/".
"""

import argparse
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

from cluster import Cluster

TINY = """\
name: {name}
data: {{source: {{name: synthetic, train_images: 256, test_images: 64}}}}
network: {{file: networks/dws.yaml, width: 0.125}}
train: {{epochs: {epochs}, batch_size: 32, schedule: {{name: cosine, learning_rate: 0.05}}}}
track: {{probe_images: 32, epochs: []}}
variants:
  - {{name: int8, weights: {{}}, activations: {{}}, calibration: {{images: 64}}}}
sweep:
  {sweep}
"""


class Study:
    """A folder with a sweep, `study.yaml`, whose path a shell would not leave alone."""

    def __init__(self, cluster, program, networks, folder, sweep, epochs=1):
        self.cluster, self.program = cluster, program
        self.folder = folder / "it's a \"$study\" %a"
        shutil.copytree(networks, self.folder / "networks")
        (self.folder / "study.yaml").write_text(TINY.format(name="study", epochs=epochs, sweep=sweep), encoding="utf-8")
        self.output = self.folder / "results/study"

    def quantdyn(self, *words, check=True):
        return self.cluster.run(self.program, *words, check=check, cwd=self.folder)

    def submit(self, *options):
        """The number of the array job."""
        text = self.quantdyn("sweep", "slurm", "study.yaml", "--submit", *options).stdout
        return re.search(r"^submitted: array job (\d+), and after it job \d+ for the table$", text, re.MULTILINE)[1]

    def wait_for_all(self, seconds=300):
        self.cluster.wait(lambda: not self.cluster.jobs(), "all jobs to end", seconds)

    def wait_for_checkpoint(self, member):
        self.cluster.wait((self.output / member / "checkpoints/SHA256SUMS").exists, f"a checkpoint of {member}")

    def logs(self):
        return "".join(path.read_text(encoding="utf-8") for path in sorted((self.output / "slurm").glob("*_*.log")))

    def check_bits(self, member):
        """The member's result has the bits of an undisturbed run of it here."""
        self.quantdyn("sweep", "run", "study.yaml", "--member", member, "--output", "undisturbed", "--quiet", "--threads", "1")
        text = self.quantdyn("compare", self.output / member / "result.h5", f"undisturbed/{member}/result.h5").stdout
        assert "equal to the last bit" in text, text

    def states(self, job):
        """{task: its states in their order}."""
        out = {}
        for fields in self.cluster.ended():
            if fields.get("ArrayJobId") == job:
                out.setdefault(int(fields["ArrayTaskId"]), []).append(fields["JobState"])
        return out


def array_over_both_nodes(study):
    """Members run on both nodes; one fails, the others and the table do not; the bits are those of a plain sweep."""
    job = study.submit("--time=10", "--memory=500M")
    study.wait_for_all()
    nodes = {fields["NodeList"] for fields in study.cluster.ended() if fields.get("ArrayJobId") == job}
    assert nodes == {"n1", "n2"}, nodes
    assert study.states(job) == {1: ["COMPLETED"], 2: ["COMPLETED"], 3: ["FAILED"], 4: ["COMPLETED"]}, study.states(job)
    for member in ("a", "b", "d"):
        study.check_bits(member)
    assert "training stopped: the loss" in study.logs(), study.logs()
    table = (study.output / "table.txt").read_text(encoding="utf-8")
    assert "int8" in table, table
    return table


def requeue_in_the_middle(study):
    """`scontrol requeue` ends a task after a checkpoint; its next start goes on, with the same bits."""
    job = study.submit()
    study.wait_for_checkpoint("a")
    study.cluster.run("scontrol", "requeue", f"{job}_1")
    study.wait_for_all()
    assert study.states(job)[1] == ["PENDING", "COMPLETED"], study.states(job)
    assert "goes on from the checkpoint" in study.logs(), study.logs()
    study.check_bits("a")


def near_the_time_limit(study):
    """The signal before the time limit ends a task after a checkpoint, which then queues itself again."""
    job = study.submit("--notice=1")
    study.wait_for_checkpoint("a")
    time.sleep(2)  # longer than the notice
    study.cluster.run("scancel", "--signal=USR1", "--batch", f"{job}_1")
    study.wait_for_all()
    assert study.states(job)[1] == ["PENDING", "COMPLETED"], study.states(job)
    assert "goes on from the checkpoint" in study.logs(), study.logs()
    study.check_bits("a")


def preemption(study):
    """A job of a partition with priority takes the place of a task, which goes on after it."""
    job = study.submit()
    study.wait_for_checkpoint("a")
    study.cluster.run("sbatch", "--partition=urgent", "--nodes=2", "--output=/dev/null", "--wrap=sleep 1")
    study.wait_for_all()
    assert study.states(job)[1] == ["PREEMPTED", "COMPLETED"], study.states(job)
    assert "DUE TO PREEMPTION" in study.logs() and "goes on from the checkpoint" in study.logs(), study.logs()
    study.check_bits("a")


def refusals(study):
    """What Slurm does not accept is one line with its own words; the scripts stay."""
    for words, expected in (("--partition=none", "invalid partition specified: none"), ("--time=soon", "Invalid --time"),
                            ("--memory=900G", "Memory specification can not be satisfied"),
                            ("--sbatch=--nonsense", "unrecognized option")):
        done = study.quantdyn("sweep", "slurm", "study.yaml", "--submit", words, check=False)
        assert done.returncode == 2 and expected in done.stderr and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
        assert (study.output / "slurm/members.sh").exists()
    assert not study.cluster.jobs()


def forty_members(study):
    """Forty tiny members; says how long they take over Slurm, and on this machine without it."""
    begin = time.monotonic()
    study.submit()
    study.wait_for_all(600)
    seconds = {"Slurm": time.monotonic() - begin}
    done = len(list(study.output.glob("*/result.h5")))
    assert done == 40, done
    for jobs in (2, 1):
        begin = time.monotonic()
        study.quantdyn("sweep", "run", "study.yaml", "--jobs", jobs, "--threads", jobs, "--output", f"jobs{jobs}", "--quiet")
        seconds[f"--jobs {jobs}"] = time.monotonic() - begin
    return ", ".join(f"{what}: {time:.0f} s" for what, time in seconds.items())


FOUR = "[{name: a}, {name: b, seed: 1}, {name: c, train.schedule.learning_rate: 1e30}, {name: d, seed: 3}]"
TESTS = [  # each with its sweep and the epochs of its members
    (array_over_both_nodes, FOUR, 1),
    (requeue_in_the_middle, "[{name: a}]", 100),
    (near_the_time_limit, "[{name: a}]", 100),
    (preemption, "[{name: a}]", 100),
    (refusals, "[{name: a}]", 1),
    (forty_members, "{grid: {seed: [" + ", ".join(map(str, range(40))) + "]}}", 1),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("networks", type=pathlib.Path)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--only", choices=[test.__name__ for test, _, _ in TESTS])
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failures = 0
    with tempfile.TemporaryDirectory(prefix="quantdyn_slurm_") as folder:
        for test, sweep, epochs in TESTS:
            if given.only not in (None, test.__name__):
                continue
            place = pathlib.Path(folder) / test.__name__
            (place / "slurm").mkdir(parents=True)
            with Cluster(place / "slurm", given.root) as cluster:
                study = Study(cluster, given.program.resolve(), given.networks, place, sweep, epochs)
                begin = time.monotonic()
                try:
                    remark = test(study)
                except AssertionError as error:
                    failures += 1
                    remark = f"FAILED: {error}\n{study.logs()}"
            print(f"{test.__name__} ({time.monotonic() - begin:.0f} s): {remark or 'passed'}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
