#!/usr/bin/env python3
"""Checks every README against the repository: a command that a reader copies must find what it names.

    readme_test.py ROOT QUANTDYN

- sh blocks: commands are known, the files they read are in the repository or made by earlier commands of the same
  README, `quantdyn` takes their options, and `quantdyn validate` accepts the experiments they run.
- yaml blocks: a file that the first line names, byte for byte but for a line for editors; or "# Excerpt of a network", whose nodes make a network
  after a block `a` of 64 channels; or "# Excerpt ...", whose sections, put in place of those of
  experiments/example.yaml, make a valid experiment.
- python blocks compile. Links and the files named in backticks exist.

Nothing is trained and nothing is downloaded: experiments are validated on built-in images.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

FOLDERS = ("framework", "layers", "quant", "stats", "data", "experiments", "tests")
MADE_FOLDERS = ("build", "datasets", "results")  # in no fresh clone
BUILT_IN = "data.source={name: synthetic, train_images: 4096, test_images: 1024}"
SCRIPTS = ("tests/cluster/run.sh", "tests/faults/faults.py", "tests/mpi/run.sh", "tests/processors/run.sh", "tests/threads/run.sh",
           "tests/tidy.sh", "tests/packages/run.sh", "experiments/install_packages.sh",
           "experiments/imagenet/prepare.py",
           "experiments/imagenet/run.sh", "experiments/site/build.py", "experiments/study/report.py")
MODEL = re.compile(r"file: (\S+\.h5)")
DIRECTORY = re.compile(r"directory: ([^,}\s]+)")


class Repository:
    def __init__(self, root, program):
        self.root, self.program = root, program
        in_folders = [page for folder in FOLDERS for page in sorted((root / folder).rglob("*.md"))]
        self.pages = [root / "README.md", *in_folders]
        files = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
        self.files = {path.relative_to(root).as_posix() for path in [*files, *root.glob("*")] if path.is_file()}

    def run(self, *arguments):
        """The program in an empty folder; paths in `arguments` are absolute."""
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run([self.program, *arguments], cwd=folder, capture_output=True, text=True,
                                  check=False)


class Reader:
    """Follows one page from a fresh clone; `made` is what its commands have written so far."""

    def __init__(self, repository, page):
        self.repository, self.page, self.problems = repository, page, []
        self.made = set() if page.parent == repository.root else {"build/quantdyn", "build/build.ninja"}
        self.experiments = {}  # the experiment's text by result folder

    def has(self, path):
        path = path.rstrip("/")
        if path.startswith("/path/"):  # stands for the reader's own
            return True
        if path.split("/")[0] in MADE_FOLDERS or path not in self.repository.files:
            return any(made == path or made.startswith(path + "/") or (made.endswith("/") and path.startswith(made))
                       for made in self.made)
        return True

    def need(self, *paths):
        self.problems += [f"{path} does not exist by then" for path in paths if not self.has(path)]

    def command(self, line):
        words = shlex.split(line, comments=True)
        if not words:
            return
        program, arguments = words[0], words[1:]
        plain = [word for word in arguments if not word.startswith("-")]
        if program == "build/quantdyn":
            self.need(program)
            self.quantdyn(arguments)
        elif program == "experiments/quickstart.sh":
            self.made |= {"build/quantdyn", "build/build.ninja"}
            self.quantdyn(["run", "experiments/quickstart.yaml", *arguments])
        elif program == "experiments/imagenet/fetch.sh":
            self.made.add(f"{arguments[0]}/")
            self.options(program, arguments)
        elif program == "experiments/fetch_cifar10.sh":
            self.made.add(f"{arguments[0]}/cifar-10-batches-bin")
        elif program == "tests/run.sh":
            self.made |= {"build/quantdyn", "build/build.ninja", "build/tests/"}
            self.options(program, arguments)
        elif program == "experiments/study/run.sh":
            self.options(program, arguments)
            self.made.add("results/study/")
        elif program in SCRIPTS:
            self.options(program, arguments)
            self.names(arguments)
            made = arguments[arguments.index("--output") + 1] if "--output" in arguments else ""
            self.need(*(word for word in plain if word.startswith("results/") and word != made))
        elif program == "ninja" and arguments[:2] == ["-C", "build"]:
            self.need("build/build.ninja")
            self.made |= {f"build/{target}" for target in arguments[2:]}
        elif program == "tests/fuzz/run.sh":
            all_targets = re.search(r'^all="(.*)"', (self.repository.root / program).read_text(), re.MULTILINE)[1].split()
            if not arguments[0].isdigit() or not set(arguments[1:]) <= set(all_targets):
                self.problems.append(f"{program} does not take {' '.join(arguments)}")
        elif program == "meson" and arguments[0] in ("setup", "test", "install"):
            self.made.add("build/build.ninja")
        elif program == "cp":
            self.need(*plain[:-1])
            self.made |= {plain[-1] + path.split("/")[-1] for path in plain[:-1]}
        elif program == "pip" and arguments[:1] == ["install"]:
            self.need(*(f"{word.split('[')[0].removeprefix('./')}/pyproject.toml" for word in arguments[1:]))
        elif program.startswith("build/tests/"):
            self.need(program)
        elif program == "quantdyn":  # an installed one, elsewhere: the install test runs it
            known = self.repository.run(arguments[0], "--help").stdout
            self.problems += [f"quantdyn {arguments[0]} has no option {word}" for word in arguments
                              if word.startswith("--") and word not in known]
        elif program not in ("mkdir", "cd", "export", "g++"):
            self.problems.append(f"{program}: a command that this test does not know")
        if "/" in program and not program.startswith("build/"):
            self.need(program)
            if program in self.repository.files and not os.access(self.repository.root / program, os.X_OK):
                self.problems.append(f"{program} may not be executed: chmod +x")

    def options(self, script, arguments):
        text = (self.repository.root / script).read_text(encoding="utf-8")
        unknown = [word for word in arguments if word.startswith("--") and word not in text]
        self.problems += [f"{script} has no option {word}" for word in unknown]

    def quantdyn(self, arguments):
        command, words, skip = arguments[0], [], False
        for word in arguments[1:]:  # every option of these commands takes a value, but for two
            if not skip and not word.startswith("--"):
                words.append(word)
            skip = word.startswith("--") and "=" not in word and word not in ("--force", "--quiet", "--no-fuse")
        if command in ("run", "validate"):
            return self.experiment(command, words[0], arguments)
        if command == "sweep":
            return self.sweep(words, arguments)
        if command in ("figures", "report"):
            return self.python(command, words, arguments)
        if command in ("new", "schema"):  # words, and a file to write
            outcome = self.repository.run(command, words[0])
            return self.problems.append(outcome.stderr.strip()) if outcome.returncode != 0 else None
        if command != "list":
            self.need(*words)
        files = command != "list"
        absent = [f"/absent/{word}" if files and word in words else word for word in arguments]
        outcome = self.repository.run(*absent)
        if outcome.returncode != 0 and not (files and "no such file" in outcome.stderr):
            self.problems.append(outcome.stderr.strip())
        self.names(arguments)
        if "--output" in arguments:
            self.made.add(arguments[arguments.index("--output") + 1])

    def python(self, command, words, arguments):
        """A command of the Python package: it has the options, and its results have been made."""
        known = self.repository.run(command, "--help").stdout
        self.problems += [f"quantdyn {command} has no option {word}" for word in arguments
                          if word.startswith("--") and word not in known]
        self.need(*(word for word in words if word.startswith("results/")))
        if "--output" in arguments:
            self.made.add(arguments[arguments.index("--output") + 1])

    def sweep(self, words, arguments):
        """`quantdyn sweep ACTION FILE`: the action has the options, and the file a sweep."""
        self.need(words[1])
        known = self.repository.run("sweep", words[0], "--help").stdout
        self.problems += [f"quantdyn sweep {words[0]} has no option {word}" for word in arguments
                          if word.startswith("--") and word not in known]
        file = self.repository.root / words[1]
        outcome = self.repository.run("sweep", "list", str(file))
        if outcome.returncode != 0:
            self.problems.append(outcome.stderr.strip())
        members = re.findall(r"^ +\d+  (\S+)", outcome.stdout, re.MULTILINE)
        if "--member" in arguments:
            chosen = arguments[arguments.index("--member") + 1].split(",")
            chosen = [members[int(member) - 1] if member.isdigit() and int(member) <= len(members) else member for member in chosen]
            self.problems += [f"{words[1]} has no member {member}" for member in set(chosen) - set(members)]
            members = chosen
        text = file.read_text(encoding="utf-8")
        name = re.search(r"^name: (\S+)", text, re.MULTILINE).group(1)
        if words[0] == "run":
            self.makes([f"results/{name}/{member}" for member in members], text)

    def makes(self, results, text):
        """These result folders exist from now on; `text` is their experiment."""
        for result in results:
            self.made.add(f"{result}/result.h5")
            self.experiments[result] = text

    def experiment(self, command, file, arguments):
        self.need(file)
        if file not in self.repository.files:
            return
        text = (self.repository.root / file).read_text(encoding="utf-8") + "\n".join(arguments)
        folder = pathlib.PurePosixPath(file).parent
        name = re.search(r"^name: (\S+)", text, re.MULTILINE).group(1)
        needed = [*MODEL.findall(text), *DIRECTORY.findall(text), *re.findall(r"weights=(\S+)", text)]
        for path in needed:
            self.need(pathlib.Path("/", folder, path).resolve().relative_to("/").as_posix())
        sweep = text.partition("\nsweep:")[2].partition("\nvariants:")[0]
        runs = re.findall(r"^ +- *\{?name: (\w+)", sweep, re.MULTILINE)
        if not MODEL.search(text):
            after = [*arguments[1:], ""]  # a result to start from has not been made
            kept = [word for word, next_word in zip(arguments, after)
                    if not word.startswith("weights=") and not next_word.startswith("weights=")]
            kept = [str(self.repository.root / word) if word == file else word for word in kept[1:]]
            outcome = self.repository.run("validate", *kept, "--set", BUILT_IN)
            if outcome.returncode != 0:
                self.problems.append(outcome.stderr.strip())
        if command == "run":
            output = arguments[arguments.index("--output") + 1] if "--output" in arguments else f"results/{name}"
            self.makes([f"{output}/{run}" for run in runs] or [output], text)

    def names(self, arguments):
        """Variants and layers that the command names are in an experiment whose result it reads."""
        texts = [self.experiments.get(word.removesuffix("/result.h5"), "") for word in arguments]
        for option in ("--variant", "--layer"):
            for word in arguments[arguments.index(option) + 1:] if option in arguments else []:
                if word.startswith("--"):
                    break
                if not any(self.knows(option, word, text) for text in texts if text):
                    self.problems.append(f"{option} {word}: in no experiment whose result is read")

    def knows(self, option, word, text):
        if option == "--variant":
            base = re.sub(r"-\d+$", "", word)
            return bool(re.search(rf"name: ({re.escape(word)}|{re.escape(base)})[,\s]", text))
        networks = [str(self.repository.root / "experiments" / n) for n in re.findall(r"networks/\w+\.yaml", text)]
        tables = [self.repository.run("inspect", network).stdout for network in networks]
        return any(re.search(rf"^{word} ", table, re.MULTILINE) for table in tables)


def sections(text):
    """The top-level keys of a YAML text, each with its lines."""
    parts = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    return {part.split(":")[0]: part for part in parts if re.match(r"\w+:", part)}


def yaml_problem(repository, text):
    first = text.split("\n")[0]
    if not first.startswith("# Excerpt"):
        named = re.match(r"# ([\w/]+\.yaml):", first)
        if not named or named.group(1) not in repository.files:
            return "is neither '# FILE: ...' nor '# Excerpt ...'"
        whole = (repository.root / named.group(1)).read_text(encoding="utf-8")
        whole = re.sub(r"\A# yaml-language-server: .*\n", "", whole)  # for editors
        return None if whole == text else f"differs from {named.group(1)}"
    if first.startswith("# Excerpt of a network"):
        return network_problem(repository, text)
    example = (repository.root / "experiments/example.yaml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "networks").symlink_to(repository.root / "experiments" / "networks")
        experiment = pathlib.Path(folder) / "excerpt.yaml"
        experiment.write_text("".join({**sections(example), **sections(text)}.values()), encoding="utf-8")
        outcome = repository.run("validate", str(experiment))
    if outcome.returncode == 0 or "no such file" in outcome.stderr:  # a reader's own data or model
        return None
    return f"is not valid in experiments/example.yaml: {outcome.stderr.strip()}"


def network_problem(repository, text):
    """What is wrong with nodes that follow a block `a` of 64 channels; None if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        network = pathlib.Path(folder) / "excerpt.yaml"
        network.write_text("input: [8, 8, 3]\nnodes:\n- block: {name: a, channels: 64}\n" + text, encoding="utf-8")
        outcome = repository.run("inspect", str(network))
    return None if outcome.returncode == 0 else f"is no part of a network: {outcome.stderr.strip()}"


def python_problem(text):
    try:
        compile(text, "block", "exec")
    except SyntaxError as error:
        return f"is not Python: {error}"
    return None


def anchors(page):
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose_problems(repository, page, text):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if target.startswith("http"):
            continue
        path = page.parent / target if target else page
        if not path.exists():
            yield f"link to {target}: no such file"
        elif anchor and anchor not in anchors(path):
            yield f"link to {target}#{anchor}: no such heading"
    for name in re.findall(r"`([\w./-]+\.(?:h|cpp|py|sh|yaml|md))`", text):
        if not any(file == name or file.endswith("/" + name.removeprefix("../")) for file in repository.files):
            yield f"`{name}`: no such file"


def page_problems(repository, page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*).*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    reader = Reader(repository, page)
    for language, block in blocks:
        problem = None
        if language == "sh":
            for line in block.replace("\\\n", " ").split("\n"):
                reader.command(line)
        elif language == "yaml":
            problem = yaml_problem(repository, block)
        elif language == "python":
            problem = python_problem(block)
        if problem:
            yield f"{language} block '{block.splitlines()[0]}' {problem}"
    yield from reader.problems
    yield from prose_problems(repository, page, re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def self_test(repository):
    """The checks find what they are for."""
    bad = ["build/quantdyn inspect results/none/result.h5", "experiments/absent.sh",
           "build/quantdyn inspect experiments/networks/dws.yaml --mode x",
           "build/quantdyn run experiments/example.yaml --set train.epoch=1",
           "build/quantdyn run experiments/cifar10.yaml", "tests/run.sh --fast"]
    for line in bad:
        reader = Reader(repository, repository.root / "experiments/README.md")
        reader.command(line)
        assert reader.problems, line
    reader = Reader(repository, repository.root / "experiments/README.md")
    for line in ("build/quantdyn run experiments/example.yaml",
                 "build/quantdyn inspect results/example/result.h5 --variant int8"):
        assert not reader.problems, reader.problems
        reader.command(line)
    assert reader.problems
    assert yaml_problem(repository, "# Excerpt\ntrain: {epoch: 1}\n")
    assert yaml_problem(repository, "# experiments/example.yaml: changed\n")
    assert python_problem("with open(")
    for prose in ("[x](absent.md)", "[y](README.md#absent)", "`stats/absent.h`"):
        assert list(prose_problems(repository, repository.root / "README.md", prose)), prose


def main():
    repository = Repository(pathlib.Path(sys.argv[1]).resolve(), str(pathlib.Path(sys.argv[2]).resolve()))
    self_test(repository)
    problems = 0
    for page in repository.pages:
        for problem in page_problems(repository, page):
            problems += 1
            print(f"{page.relative_to(repository.root)}: {problem}")
    print(f"{len(repository.pages)} pages, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
