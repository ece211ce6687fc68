"""Runs the program `quantdyn`."""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .result import Result


class ProgramError(Exception):
    """The program's own message."""


def find_program() -> str:
    """$QUANTDYN, else `quantdyn` of the PATH."""
    found = os.environ.get("QUANTDYN") or shutil.which("quantdyn")
    if not found:
        raise ProgramError("no program quantdyn: set the environment variable QUANTDYN, or add its folder to PATH")
    if not os.access(found, os.X_OK):
        raise ProgramError(f"{found}: QUANTDYN names no program")
    return found


def _bar(total: int) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit="%", bar_format="{l_bar}{bar}| {postfix}")


def run(experiment: str | os.PathLike[str] | Mapping[str, Any], output: str | os.PathLike[str], *, sets: Sequence[str] = (),
        force: bool = False, progress: bool = True, threads: int | None = None) -> Result:
    """Runs an experiment, a YAML file or a dict of the same keys, and opens its result.

    A dict's relative paths start at the working directory. `sets`: "KEY=VALUE", as --set. With tqdm installed there is a
    progress bar. ProgramError has the program's message.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(experiment, Mapping):  # beside the caller's files, where its relative paths start
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", dir=".", prefix="experiment-", suffix=".yaml", encoding="utf-8"))
            yaml.safe_dump(dict(experiment), file, sort_keys=False)
            file.flush()
            experiment = file.name
        command = [find_program(), "run", os.fspath(experiment), "--output", os.fspath(output), "--progress", "1"]
        command += [word for item in sets for word in ("--set", item)]
        command += ["--force"] if force else []
        command += ["--threads", str(threads)] if threads else []
        _watch(command, _bar(100) if progress else None)
    return Result(output)


def _watch(command: list[str], bar: Any) -> None:
    """Waits for the program; its lines of progress move the bar. Ctrl-C stops it as it does in a terminal."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8") as process:
        lines: list[str] = []
        try:
            for line in process.stdout or ():
                lines = [*lines[-20:], line.rstrip()]
                found = re.search(r"^(.*?)\s+(\d+)%\s+(.*)", line)
                if bar is not None and found:
                    bar.set_description_str(found[1])
                    bar.set_postfix_str(found[3].strip())
                    bar.update(int(found[2]) - bar.n)
        except KeyboardInterrupt:
            process.wait()
            raise
        finally:
            if bar is not None:
                bar.close()
    if process.returncode:
        message = [line for line in lines if line.startswith("quantdyn: ")] or lines[-1:]
        raise ProgramError("\n".join(line.removeprefix("quantdyn: ") for line in message) or f"exit code {process.returncode}")
