#!/usr/bin/python3
"""Builds the documentation as a site: build.py [--program build/quantdyn] [--output build/site]

The pages are the READMEs of this repository, in the order of mkdocs.yml; the reference of YAML keys is what `quantdyn list`
prints; the C++ interfaces are Doxygen's. Fails on a link that leads nowhere. Needs Debian's mkdocs, mkdocs-material and doxygen.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
DOXYGEN = """
PROJECT_NAME = quantdyn
INPUT = {inputs}
EXTRACT_ALL = YES
OUTPUT_DIRECTORY = {output}
HTML_OUTPUT = api
GENERATE_LATEX = NO
HAVE_DOT = NO
CLASS_GRAPH = NO
SOURCE_BROWSER = YES
QUIET = YES
WARN_IF_UNDOCUMENTED = NO
WARN_LOGFILE = {output}/doxygen.log
STRIP_FROM_PATH = {root}
FULL_PATH_NAMES = YES
TAB_SIZE = 2
"""


def tracked():
    """The files of the repository, without the folders that a build makes."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True).stdout
    return [pathlib.PurePosixPath(line) for line in listed.splitlines()]


def copy_pages(source):
    """All pages and the files that they link to, in their places. A link to a folder becomes one to its README."""
    files = set(tracked())
    for page in sorted(path for path in files if path.suffix == ".md"):
        text = (ROOT / page).read_text(encoding="utf-8")

        def target(match, page=page):
            link = match.group(1)
            if "://" in link or link.startswith("mailto:"):
                return match.group(0)
            path = pathlib.PurePosixPath(*(ROOT / page.parent / link).resolve().relative_to(ROOT).parts)
            if path in files and path.suffix != ".md":
                seen = path.with_name(path.name.lstrip(".") + ".txt") if path.name.startswith(".") else path  # mkdocs skips .files
                (source / seen).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, source / seen)
                return match.group(0).replace(link, link.replace(path.name, seen.name))
            elif path / "README.md" in files:
                return match.group(0).replace(link, f"{link.rstrip('/')}/README.md")
            return match.group(0)

        (source / page).parent.mkdir(parents=True, exist_ok=True)
        (source / page).write_text(LINK.sub(target, text), encoding="utf-8")


def write_reference(source, program):
    """reference.md: a heading a kind, a table a section or plugin."""
    out = ["# Every key of the YAML files\n", "What `quantdyn list` prints.\n"]
    listing = subprocess.run([program, "list"], check=True, capture_output=True, text=True).stdout
    rows = []

    def flush():
        if rows:
            starts = [match.start() for match in re.finditer(r"(?<!\S)\S", rows[0])]
            for number, row in enumerate(rows):
                if number == 1:  # the line below the head
                    out.append("|" + " --- |" * len(starts))
                    continue
                cells = [row[begin:end].strip() for begin, end in zip(starts, [*starts[1:], None])]
                cells = [f"`{cells[0]}`" if number > 0 else cells[0], *cells[1:]]
                out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
            out.append("")
            rows.clear()

    for line in listing.splitlines():
        if line.startswith("      "):
            rows.append(line[6:])
            continue
        flush()
        if line.startswith("  "):
            name, _, summary = line.strip().partition(": ")
            out.append(f"### {name}\n\n{summary}\n")
        elif line:
            out.append(f"## {line.replace('_', ' ')}\n")
    flush()
    (source / "reference.md").write_text("\n".join(out), encoding="utf-8")


def write_interfaces(output):
    """api/: the headers that an installation has."""
    sys.path.insert(0, str(ROOT / "experiments" / "library"))
    import install_headers

    public = sorted((ROOT / "experiments" / "library").glob("*.h"))
    inputs = " ".join(map(str, public + [ROOT / path for path in install_headers.closure(ROOT, public)]))
    subprocess.run(["doxygen", "-"], input=DOXYGEN.format(inputs=inputs, output=output, root=ROOT), text=True, check=True)


def main():
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build" / "quantdyn", type=pathlib.Path, metavar="FILE", help="(default: build/quantdyn)")
    parser.add_argument("--output", default=ROOT / "build" / "site", type=pathlib.Path, metavar="DIR", help="(default: build/site)")
    options = parser.parse_args()
    missing = [tool for tool in ("mkdocs", "doxygen") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"build.py: no {' and no '.join(missing)}; apt-get install mkdocs mkdocs-material doxygen")
    if not options.program.is_file():
        sys.exit(f"build.py: {options.program} is no program; meson setup build && ninja -C build makes it")
    output = options.output.resolve()
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "pages"
        source.mkdir()
        copy_pages(source)
        write_reference(source, options.program.resolve())
        (source / "interfaces.md").write_text(
            '# C++ interfaces\n\nWhat `<quantdyn/NAME.h>` declares, by Doxygen: <a href="api/annotated.html">classes</a>, '
            '<a href="api/files.html">headers</a>. How to build on them: [library](experiments/library/README.md).\n', encoding="utf-8")
        settings = (HERE / "mkdocs.yml").read_text(encoding="utf-8")
        (pathlib.Path(folder) / "mkdocs.yml").write_text(settings, encoding="utf-8")
        done = subprocess.run(["mkdocs", "build", "--strict", "--clean", "--config-file", f"{folder}/mkdocs.yml", "--site-dir", output],
                              capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("".join(line + "\n" for line in done.stderr.splitlines() if "WARNING" in line or "Error" in line) + "build.py: see above")
    write_interfaces(output)
    print(f"{output}/index.html, {len(list(output.rglob('*.html')))} pages")


if __name__ == "__main__":
    main()
