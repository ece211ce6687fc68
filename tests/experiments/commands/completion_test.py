#!/usr/bin/env python3
"""Completes command lines in bash, zsh and fish: completion_test.py QUANTDYN FOLDER_OF_COMPLETIONS"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM, SCRIPTS = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
# What is typed: words, all of which are offered, and some that are not.
CASES = {
    ("s",): (["schema", "sweep"], ["run"]),
    ("sweep", "s"): (["status", "slurm"], ["run"]),
    ("sweep", "run", "--j"): (["--jobs"], ["--force", "--layers"]),
    ("run", "--f"): (["--force", "--fresh"], ["--jobs"]),
    ("figures", "--fo"): (["--formats"], ["--force"]),
    ("list", "eq"): (["equalize"], ["affine"]),
    ("list", "train.q"): (["train.quantization"], ["train"]),
    ("new", ""): (["experiment", "network"], []),
}
# Each prints the words that it offers for a line.
SHELLS = {
    "bash": 'source "$1"/quantdyn.bash; shift; COMP_WORDS=(quantdyn "$@"); COMP_CWORD=$#; _quantdyn; printf "%s\\n" "${COMPREPLY[@]}"',
    # zsh's own compadd compares with what is typed.
    "zsh": 'scripts=$1; shift; compadd() { shift; print -rl -- ${(M)@:#$words[CURRENT]*} }; complete() { local -a words=(quantdyn "$@"); '
           'local CURRENT=$#words; source $scripts/_quantdyn }; complete "$@"',
    "fish": 'source $argv[1]/quantdyn.fish; complete -C "quantdyn $argv[2..]" | string replace -r "\\t.*" ""',
}
START = {"bash": ["bash", "--norc", "-c"], "zsh": ["zsh", "-fc"], "fish": ["fish", "--no-config", "-c"]}

with tempfile.TemporaryDirectory() as folder:
    os.symlink(PROGRAM, pathlib.Path(folder) / "quantdyn")
    os.mkdir(pathlib.Path(folder) / "work")
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOME": folder}
    for shell, script in SHELLS.items():
        if shutil.which(shell) is None:
            print(f"SKIP: no {shell}")
            continue
        for typed, (offered, others) in CASES.items():
            name = [] if shell == "fish" else ["test"]  # what the script takes as its own name
            done = subprocess.run([*START[shell], script, *name, str(SCRIPTS), *typed], env=environment, capture_output=True,
                                  text=True, check=False, cwd=pathlib.Path(folder) / "work")
            found = done.stdout.split()
            assert set(offered) <= set(found) and not set(others) & set(found), (shell, typed, found, done.stderr)
        print(shell)
