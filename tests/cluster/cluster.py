"""A real Slurm of two nodes on this machine, in one folder, for as long as a `with` block lasts."""

import contextlib
import ctypes
import getpass
import os
import pathlib
import signal
import socket
import subprocess
import time

CONFIGURATION = """\
ClusterName=quantdyn
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
PluginDir={plugins}
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/jobs.txt
SchedulerParameters=batch_sched_delay=0
{nodes}
PartitionName=work Nodes=n1,n2 Default=YES PriorityTier=1
PartitionName=urgent Nodes=n1,n2 PriorityTier=10
"""


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def end_with_parent():
    """In a child: it gets SIGKILL when this process ends, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Cluster:
    """munged, slurmctld and a slurmd for each of n1 and n2. `root` is where Debian's packages were unpacked, or "/"."""

    def __init__(self, folder, root):
        self.folder, self.daemons = pathlib.Path(folder), []
        places = [pathlib.Path(root), pathlib.Path("/")]  # of each package: the first that has it
        self.slurm = next(place for place in places if (place / "usr/sbin/slurmd-wlm").exists())
        self.plugins = next((self.slurm / "usr/lib").glob("*/slurm-wlm"))
        libraries = [self.plugins, self.plugins.parent, *places[0].glob("usr/lib/*-linux-gnu")]
        programs = [place / part for place in places for part in ("usr/sbin", "usr/bin")]
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        }

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        for name in ("state", "n1", "n2"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        ports = free_ports(3)
        nodes = "\n".join(f"NodeName=n{i} NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[i]} CPUs=1 RealMemory=1000"
                          for i in (1, 2))
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            folder=self.folder, host=socket.gethostname(), port=ports[0], user=getpass.getuser(), plugins=self.plugins,
            nodes=nodes))
        files = [f"--{what}={self.folder}/munge.{name}"
                 for what, name in (("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("seed-file", "seed"))]
        self.daemon("munged", "--foreground", "--force", *files)
        self.wait(lambda: (self.folder / "munge.socket").exists(), "munged", 10)
        self.daemon("slurmctld-wlm", "-D", "-c")
        for node in ("n1", "n2"):
            self.daemon("slurmd-wlm", "-D", "-N", node, "-d", self.slurm / "usr/sbin/slurmstepd-wlm")
        self.wait(lambda: self.run("sinfo", "-h", "-o", "%D%t", "-p", "work", check=False).stdout.strip() == "2idle", "two nodes", 30)

    def daemon(self, *words):
        with open(self.folder / f"{words[0]}{len(self.daemons)}.log", "w", encoding="utf-8") as log:
            self.daemons.append(subprocess.Popen(words, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 preexec_fn=end_with_parent))

    def stop(self):
        """Ends all jobs and daemons; nothing stays."""
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.wait(lambda: not list(self.processes()), "the end of all tasks", 10)

    def processes(self):
        """The numbers of all processes of this cluster and its jobs, by their environment."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf\0".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes() + b"\0" and int(entry.name) != os.getpid():
                    yield int(entry.name)

    def run(self, *words, check=True, **more):
        """A command with this Slurm's environment."""
        done = subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, text=True,
                              check=False, timeout=600, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def jobs(self):
        """What is waiting or running, as {"12_3": "R"}."""
        text = self.run("squeue", "-h", "-r", "-o", "%i %t").stdout
        return dict(line.split() for line in text.splitlines())

    def ended(self):
        """The tasks that have ended, as fields of jobs.txt; of one that was queued again, each time."""
        path = self.folder / "jobs.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]

    @staticmethod
    def wait(condition, what, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}")
            time.sleep(0.1)
