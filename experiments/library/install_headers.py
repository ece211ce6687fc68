#!/usr/bin/env python3
"""Installs the public headers and what they include, and nothing else.

    install_headers.py SOURCE FOLDER

SOURCE/experiments/library/NAME.h becomes FOLDER/NAME.h, and each header of quantdyn that it includes, directly or
not, FOLDER/PATH. `#include "PATH"` becomes `#include <quantdyn/PATH>`, so that a program's own headers cannot be
included instead. A FOLDER that is not absolute lies below the prefix that `meson install` gives (DESTDIR included).
"""

import os
import pathlib
import re
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def closure(source, public):
    """The paths of all headers that the public ones include, without these."""
    found, waiting = set(), list(public)
    while waiting:
        for path in INCLUDE.findall(waiting.pop().read_text(encoding="utf-8")):
            if path not in found:
                found.add(path)
                waiting.append(source / path)
    return sorted(found)


def install(header, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    text = header.read_text(encoding="utf-8")
    target.write_text(INCLUDE.sub(r"#include <quantdyn/\1>", text), encoding="utf-8")


def main():
    source = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / sys.argv[2]
    if pathlib.Path(sys.argv[2]).is_absolute():
        folder = pathlib.Path(os.environ.get("DESTDIR", "") + sys.argv[2])
    public = sorted((source / "experiments/library").glob("*.h"))
    for header in public:
        install(header, folder / header.name)
    for path in closure(source, public):
        install(source / path, folder / path)


if __name__ == "__main__":
    main()
