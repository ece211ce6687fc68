#!/usr/bin/env python3
"""Checks the house plan: which folder includes which, one door a library, every source in its meson.build.

    structure_test.py ROOT
"""

import pathlib
import re
import sys

# A folder may include itself and these.
MAY_INCLUDE = {
    "framework": set(),
    "layers": {"framework"},
    "stats": {"framework"},
    "data": {"framework"},
    "quant": {"framework", "stats"},
    "experiments": {"framework", "layers", "stats", "quant", "data"},
}
# The files that may include a library's headers: everything else goes through them.
DOORS = {
    r"blis\.h|blis/.*": r"framework/gemm\.cpp",
    r"hdf5.*|H5.*": r"framework/h5_\w+\.(h|cpp)",
    r"yaml-cpp/.*": r"framework/config_node\.cpp",
    r"boost/program_options.*": r"experiments/main\.cpp",
    r"boost/math.*": r"experiments/merge_results\.cpp",
    r"Random123/.*": r"framework/rng\.cpp",
    r"openssl/.*": r"framework/hash\.cpp",
    r"zlib\.h": r"data/file_bytes\.cpp",
    r"omp\.h": r"framework/threads\.cpp",
    r"hwy/.*": r"framework/(simd|rng_words)\.cpp|(stats|quant)/kernels\w*\.cpp|layers/fused/[\w-]+\.(h|cpp)",
    r"nlohmann/.*": r"experiments/(bench|keras/json)\.cpp|experiments/keras/export_layers\.h",
    r"fmt/.*": r"framework/error\.h",
}
# Headers with a slash that belong to the system.
SYSTEM = re.compile(r"(sys|linux)/\w+\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(root, folder):
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in (".h", ".cpp"))


def own_include_problem(root, folder, header):
    """What is wrong with including "header" from a file of `folder`; None if nothing is."""
    target = header.split("/")[0]
    if target not in MAY_INCLUDE:
        return "is not written from the root"
    if target != folder and target not in MAY_INCLUDE[folder]:
        return f"crosses an arrow: {folder} may include {', '.join(sorted(MAY_INCLUDE[folder])) or 'nothing'}"
    if not (root / header).is_file():
        return "is no file"
    return None


def library_problem(path, header):
    """What is wrong with including <header> from `path`; None if nothing is."""
    for pattern, door in DOORS.items():
        if re.fullmatch(pattern, header):
            return None if re.fullmatch(door, path) else f"stays behind {door}"
    if "/" in header and not SYSTEM.fullmatch(header):
        return "is a library without a door; add one to DOORS"
    return None


def include_problems(root):
    for folder in MAY_INCLUDE:
        for file in sources(root, folder):
            path = file.relative_to(root).as_posix()
            for bracket, header in INCLUDE.findall(file.read_text(encoding="utf-8")):
                if header == "revision.h":  # made by the build
                    continue
                if bracket == '"':
                    problem = own_include_problem(root, folder, header)
                else:
                    problem = library_problem(path, header)
                if problem:
                    yield f"{path}: #include {header}: {problem}"


def listing_problems(root):
    """Every .cpp is named in its folder's meson.build (main.cpp of the program: in the root's)."""
    for folder in [*MAY_INCLUDE, *(f"tests/{name}" for name in MAY_INCLUDE)]:
        if not (root / folder).is_dir():
            continue
        build = (root / folder / "meson.build").read_text(encoding="utf-8")
        outer = (root / "meson.build").read_text(encoding="utf-8")
        for file in sources(root, folder):
            inside = file.relative_to(root / folder).as_posix()
            listed = f"'{inside}'" in build or f"'{folder}/{inside}'" in outer
            if file.suffix == ".cpp" and not listed:
                yield f"{folder}/{inside}: not in {folder}/meson.build"


def self_test(root):
    """The checks find what they are for."""
    assert own_include_problem(root, "framework", "layers/checks.h")
    assert own_include_problem(root, "stats", "quant/range.h")
    assert own_include_problem(root, "layers", "checks.h")
    assert not own_include_problem(root, "quant", "stats/kernels.h")
    assert library_problem("layers/conv2d.cpp", "blis.h")
    assert library_problem("experiments/run.cpp", "onnx/onnx.pb.h")
    assert not library_problem("framework/gemm.cpp", "blis.h")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    self_test(root)
    problems = [*include_problems(root), *listing_problems(root)]
    for problem in problems:
        print(problem)
    files = sum(len(sources(root, folder)) for folder in MAY_INCLUDE)
    print(f"{files} files, {len(problems)} problems")
    return 1 if problems or files < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
