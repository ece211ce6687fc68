#!/usr/bin/env python3
"""Checks the house plan: which folder and which room in it includes which, one door a library, every source in
its meson.build.

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
# The rooms of a folder, each with the rooms of the same folder that it may include. Files that lie in the folder
# itself may include all of its rooms; a room may include them where it names "".
ROOMS = {
    "framework": {
        "base": set(),
        "config": {"base"},
        "h5": {"base"},
        "graph": {"base", "config"},
        "run": {"base", "graph"},
        "learning": {"base", "config", "graph"},
    },
    "layers": {"codes": set(), "fused": {"", "codes"}},
    "stats": {
        "kernels": set(),
        "counts": {"kernels"},
        "tracking": {"counts", "kernels"},
        "statistics": {"kernels", "tracking"},
        "distances": {"kernels"},
        "scales": set(),
        "errors": {"kernels", "tracking"},
    },
    "data": {"sources": {""}},
    "quant": {
        "kernels": set(),
        "quantizers": {"kernels"},
        "ranges": {"kernels", "quantizers"},
        "schemes": {"quantizers", "ranges"},
        "folding": {"schemes"},
        "integer": {"folding", "quantizers"},
        "repairs": {"folding", "kernels", "ranges", "schemes"},
        "variants": {"integer", "repairs", "schemes"},
        "training": {"folding", "kernels", "quantizers", "ranges", "schemes", "variants"},
        "measure": {"quantizers"},
    },
    "experiments": {
        "text": set(),
        "results": {"text"},
        "formats": set(),
        "keras": {"formats", "results"},
        "onnx": {"formats"},
        "method": {"results"},
        "sweep": {"results", "text"},
        "run": {"formats", "keras", "method", "onnx", "results", "sweep", "text"},
        "reference": {"run", "sweep", "text"},
        "library": {"results", "run"},
        "terminal": {"text"},
        "explain": {"method", "onnx", "results", "run", "text"},
        "bench": {"method", "results", "run", "text"},
        "commands": {"bench", "explain", "formats", "keras", "method", "onnx", "reference", "results", "run",
                     "sweep", "terminal", "text"},
        "plugin_example": set(),
    },
}
# The files that may include a library's headers: everything else goes through them.
DOORS = {
    r"blis\.h|blis/.*": r"framework/base/gemm\.cpp",
    r"hdf5.*|H5.*": r"framework/h5/h5_\w+\.(h|cpp)",
    r"yaml-cpp/.*": r"framework/config/yaml_(reader|writer)\.cpp",
    r"boost/program_options.*": r"experiments/commands/command\.h",
    r"boost/math.*": r"experiments/results/merge_results\.cpp",
    r"Random123/.*": r"framework/base/rng\.cpp",
    r"openssl/.*": r"framework/base/hash\.cpp",
    r"xxhash\.h": r"framework/base/hash\.cpp",
    r"zlib\.h": r"data/sources/file_bytes\.cpp",
    r"omp\.h": r"framework/base/threads\.cpp",
    r"hwy/.*": r"framework/base/(simd|rng_words)\.cpp|(stats|quant)/kernels/\w+\.cpp|layers/(codes|fused)/[\w-]+\.(h|cpp)",
    r"nlohmann/.*": r"experiments/(bench/bench_network|explain/(node_data|page_json)|keras/json|reference/json_schema|text/flat_table)\.cpp|experiments/keras/export_layers\.h",
    r"onnx/.*|google/protobuf/.*": r"experiments/onnx/onnx_library\.h",
    r"fmt/.*": r"framework/base/error\.h|experiments/terminal/output\.cpp",
    r"dlfcn\.h": r"framework/config/plugin_library\.cpp",
    r"quantdyn/.*": r"experiments/plugin_example/\w+\.cpp",
}
# Headers with a slash that belong to the system.
SYSTEM = re.compile(r"(sys|linux)/\w+\.h")
PRINTS = re.compile(r"#include <(?:iostream|cstdio)>|std::c(?:out|err)\b|fmt::print|std::f?(?:puts|printf)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(root, folder):
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in (".h", ".cpp"))


def room_of(path):
    """"h5" for framework/h5/frame.h, "" for a file that lies in the folder itself."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def own_include_problem(root, path, header):
    """What is wrong with including "header" from the file `path`; None if nothing is."""
    folder, target = path.split("/")[0], header.split("/")[0]
    if target not in MAY_INCLUDE:
        return "is not written from the root"
    if target != folder and target not in MAY_INCLUDE[folder]:
        return f"crosses an arrow: {folder} may include {', '.join(sorted(MAY_INCLUDE[folder])) or 'nothing'}"
    if not (root / header).is_file():
        return "is no file"
    room, target_room = room_of(path), room_of(header)
    if target == folder and room and target_room != room:
        accepted = ROOMS[folder].get(room)
        if accepted is None:
            return f"{folder}/{room} is a room without arrows; add it to ROOMS"
        if target_room not in accepted:
            return f"crosses an arrow: {folder}/{room} may include {', '.join(sorted(accepted)) or 'no other room'}"
    return None


def room_problems(root):
    """Every room has arrows, all of which run one way, and a README."""
    for folder, rooms in ROOMS.items():
        order = []
        while len(order) < len(rooms):
            free = [room for room in rooms if room not in order and rooms[room] <= {"", *order}]
            if not free:
                yield f"{folder}: arrows run in a circle among {', '.join(sorted(set(rooms) - set(order)))}"
                break
            order += free
        for room in rooms:
            if not (root / folder / room / "README.md").is_file():
                yield f"{folder}/{room}: has no README.md"


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
                if header in ("revision.h", "reference_texts.h"):  # made by the build
                    continue
                if bracket == '"':
                    problem = own_include_problem(root, path, header)
                else:
                    problem = library_problem(path, header)
                if problem:
                    yield f"{path}: #include {header}: {problem}"


def printing_problems(root):
    """One room prints, and makes what it prints printable."""
    for folder in MAY_INCLUDE:
        for file in sources(root, folder):
            path = file.relative_to(root).as_posix()
            if path.startswith("experiments/terminal/"):
                continue
            for found in PRINTS.findall(file.read_text(encoding="utf-8")):
                yield f"{path}: {found} prints; only experiments/terminal does"


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
    assert own_include_problem(root, "framework/base/rng.cpp", "layers/checks.h")
    assert own_include_problem(root, "stats/scales/ranges.h", "quant/quantizers/range.h")
    assert own_include_problem(root, "layers/add.cpp", "checks.h")
    assert own_include_problem(root, "framework/base/rng.cpp", "framework/graph/layer.h")
    assert own_include_problem(root, "quant/annex/x.cpp", "quant/ranges/extremes.h")
    assert not own_include_problem(root, "quant/ranges/extremes.cpp", "stats/kernels/kernels.h")
    assert not own_include_problem(root, "quant/ranges/estimators/kl.cpp", "quant/quantizers/quantizer.h")
    assert library_problem("layers/conv2d.cpp", "blis.h")
    assert library_problem("experiments/run/run.cpp", "onnx/onnx_pb.h")
    assert not library_problem("framework/base/gemm.cpp", "blis.h")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    self_test(root)
    problems = [*include_problems(root), *room_problems(root), *printing_problems(root), *listing_problems(root)]
    for problem in problems:
        print(problem)
    files = sum(len(sources(root, folder)) for folder in MAY_INCLUDE)
    print(f"{files} files, {len(problems)} problems")
    return 1 if problems or files < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
