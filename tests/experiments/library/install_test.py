#!/usr/bin/python3
"""Installs into a folder, and works with that folder alone: headers, pkg-config, program, library, plugins.

install_test.py MESON BUILD PREFIX COMPILER. Exit code 77, shown as skipped, where h5py or pkg-config is missing.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py")
    sys.exit(77)

PUBLIC = ["config", "dataset", "experiment", "layer", "network", "quantizer", "range_estimator", "result", "statistic"]
PROGRAM = """
#include <quantdyn/config.h>
#include <quantdyn/experiment.h>
#include <quantdyn/result.h>

int main(int, char** arguments) {
  quantdyn::SilentProgress silent;
  quantdyn::RunRequest request;
  request.config = arguments[1];
  request.output = "from_program";
  for (const quantdyn::RunReport& run : quantdyn::run_experiment(request, silent)) {
    if (run.summary.size() != 1 || run.summary[0].variant != "mine") return 3;
    if (quantdyn::ResultReader(run.result).snapshots().size() != 3) return 4;
  }
  try {
    request.sets = {"train.epochs=-1"};
    quantdyn::validate_experiment(request);
  } catch (const quantdyn::ConfigError&) {
    return 0;
  }
  return 5;
}
"""


class Installation:
    """The prefix in a folder of its own, and a folder to work in."""

    def __init__(self, folder, meson, build, prefix, compiler):
        subprocess.run([meson, "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", folder / "root"],
                       check=True, capture_output=True)
        self.prefix = folder / "root" / prefix.lstrip("/")
        self.work = folder / "work"
        self.compiler = compiler
        shutil.copytree(self.prefix / "share/quantdyn/plugin_example", self.work)
        found = list(self.prefix.rglob("quantdyn.pc"))
        assert len(found) == 1, found
        self.library = found[0].parent.parent
        self.environment = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))
        self.environment.pop("LD_LIBRARY_PATH", None)  # Meson's names the library that is not installed
        if prefix == "/usr":  # no rpath
            self.environment["LD_LIBRARY_PATH"] = str(self.library)

    def pkg_config(self, *arguments):
        return subprocess.run(["pkg-config", *arguments, "quantdyn"], env=self.environment, check=True,
                              capture_output=True, text=True).stdout.split()

    def compile(self, output, sources, *options, include=None):
        flags = [f"-I{include}"] if include else self.pkg_config("--cflags")
        done = subprocess.run([*self.compiler, "-std=c++20", *options, *flags, *sources, "-o", output,
                               *self.pkg_config("--libs"), f"-Wl,-rpath,{self.library}"],
                              cwd=self.work, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return output

    def plugin(self, output, *sources, **more):
        return self.compile(output, sources, "-O1", "-shared", "-fPIC", **more)

    def run(self, *arguments, code=0, folder=None):
        done = subprocess.run([self.prefix / "bin/quantdyn", *arguments], cwd=folder or self.work,
                              env=self.environment, capture_output=True, text=True)
        assert done.returncode == code, (arguments, done.returncode, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def refused(self, *arguments, says):
        message = self.run(*arguments, code=2)
        for part in says:
            assert part in message, (part, message)


def check_headers(at):
    include = at.prefix / "include/quantdyn"
    assert sorted(p.stem for p in include.glob("*.h")) == PUBLIC
    for name in PUBLIC:
        text = f"#include <quantdyn/{name}.h>\n" * 2 + "int main() {}\n"
        done = subprocess.run([*at.compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++",
                               "-", *at.pkg_config("--cflags")], input=text, capture_output=True, text=True, cwd=at.work)
        assert done.returncode == 0, (name, done.stderr)
    for header in include.rglob("*.h"):
        assert '#include "' not in header.read_text(encoding="utf-8"), header


def check_pkg_config(at):
    assert at.pkg_config("--modversion") == [at.run("--version").split()[1]]
    abi = at.pkg_config("--variable=plugin_abi")[0]
    assert (at.library / f"libquantdyn.so.{abi}").exists()
    assert (pathlib.Path(at.pkg_config("--variable=networks")[0]) / "dws.yaml").exists()
    assert (at.prefix / "share/man/man1/quantdyn.1").exists()
    return abi


def check_networks(at):
    """An experiment elsewhere finds the installed nets."""
    elsewhere = at.work / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.yaml").write_text("network: {file: dws.yaml}\ndata: {source: synthetic}\ntrain: {epochs: 0}\n")
    assert "72842 parameters" in at.run("validate", "a.yaml", folder=elsewhere)


def check_plugin(at):
    library = at.plugin("libmine.so", "softsign.cpp", "mid_rise.cpp", "exceedances.cpp")
    assert "step" in at.run("list", "--plugin", library, "mid_rise")
    assert "scale" in at.run("list", "--plugin", library, "softsign")
    at.refused("list", "mid_rise", says=["called 'mid_rise'"])
    assert "mine" in at.run("run", "experiment.yaml", "--quiet", "--plugin", library)  # which is named twice
    with h5py.File(at.work / "results/plugin_example/result.h5") as file:
        sha256 = hashlib.sha256((at.work / library).read_bytes()).hexdigest()
        assert file["provenance"].attrs["plugins"].decode() == f"{library} {sha256}", dict(file["provenance"].attrs)
        assert list(file["threshold"]) == [0.25, 0.5]
        counts, all_values = file["layerwise/output/exceedances"][:], file["layerwise/output/count"][:]
        assert counts.shape == (*all_values.shape, 2)
        soft = list(file["layer"].asstr()).index("soft1")
        assert (counts[:, soft, 1] < counts[:, soft, 0]).all() and (counts[:, soft, 0] < all_values[:, soft]).all()
        assert (file["channelwise/output/exceedances"][:].sum(axis=1) == counts.sum(axis=1)).all()
        entry = file["quantization/mine/conv1/weight"]
        assert "mid_rise" in str(dict(entry.attrs)), dict(entry.attrs)
        assert entry["levels"].shape[-1] == 4
    at.run("inspect", "results/plugin_example/result.h5", "--tensor", "output")
    assert "softsign" in at.run("inspect", "network.yaml", "--plugin", library)
    at.run("validate", at.work / "experiment.yaml", folder=at.work / "elsewhere")
    text = (at.work / "experiment.yaml").read_text()
    (at.work / "bad.yaml").write_text(text.replace("step: 1.1", "step: 100"))
    line = 1 + text[:text.index("step: 1.1")].count("\n")
    at.refused("validate", "bad.yaml", says=[f"bad.yaml:{line}: step: 100", "accepted: a number from 0.01 to 10"])
    (at.work / "bad.yaml").write_text(text.replace("exceedances, ", "exceedances, x: 1, "))
    at.refused("validate", "bad.yaml", says=["x: unknown key; accepted here: name, thresholds"])


def check_own_quantizer(at):
    """The notebook that compiles a quantizer, with what is installed alone."""
    notebook = pathlib.Path(__file__).parents[3] / "experiments/python/notebooks/own_quantizer.ipynb"
    environment = {**at.environment, "PATH": f"{at.prefix / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, pathlib.Path(__file__).parents[1] / "python/notebooks_test.py",
                           at.prefix / "share/quantdyn/python", at.prefix / "bin/quantdyn", notebook],
                          env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 77), done.stderr


def check_python(at):
    """figures, report and completions come with the program."""
    result = at.work / "results/plugin_example"
    assert (at.prefix / "share/bash-completion/completions/quantdyn").exists()
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return
    assert "report.html: " in at.run("report", result, "--output", "report.html")
    (at.work / "copy.py").write_text("raise SystemExit('this copy was imported')", encoding="utf-8")
    assert "errors.png" in at.run("figures", result, "-o", "pictures", "--formats", "png")


def check_refusals(at, abi):
    def refused(name, *says):
        (at.work / "bad.yaml").write_text(f"name: a\nplugins: [{name}]\n")
        at.refused("list", "--plugin", name, says=["--plugin " + name, *says])
        at.refused("validate", "bad.yaml", says=["bad.yaml:2: plugins: ", name, *says])

    refused("libnone.so", "no such file")
    (at.work / "libtext.so").write_text("this is a text " * 100)
    refused("libtext.so", "cannot be loaded", "invalid ELF header")
    (at.work / "gone.cpp").write_text("void gone();\nstruct Uses { Uses() { gone(); } } uses;\n")
    refused(at.plugin("libgone.so", "gone.cpp"), "cannot be loaded", "undefined symbol", "gone")
    (at.work / "empty.cpp").write_text("int nothing;\n")
    refused(at.plugin("libempty.so", "empty.cpp"), "registers no plugin")

    (at.work / "taken.cpp").write_text((at.work / "mid_rise.cpp").read_text().replace('{"mid_rise"', '{"affine"'))
    refused(at.plugin("libtaken.so", "taken.cpp"), "'affine'", "two plugins are called")

    for name, why in [("block", "means something else"), ("none", "means something else"), ("", "a plugin is called ''"),
                      ("a b", "a name of letters")]:
        text = (at.work / "mid_rise.cpp").read_text()
        (at.work / "named.cpp").write_text(text.replace('{"mid_rise"', f'{{"{name}"'))
        refused(at.plugin("libnamed.so", "named.cpp"), why)
    first, second = at.plugin("libfirst.so", "mid_rise.cpp"), at.plugin("libsecond.so", "mid_rise.cpp")
    at.refused("list", "--plugin", first, "--plugin", second, says=["--plugin " + second, "two plugins are called 'mid_rise'"])
    whole = (at.work / first).read_bytes()
    (at.work / "libshort.so").write_bytes(whole[:len(whole) // 2])
    refused("libshort.so", "cut short")

    other = at.work / "other"
    shutil.copytree(at.prefix / "include", other)
    version = other / "quantdyn/framework/base/version.h"
    version.write_text(version.read_text().replace(f'library_abi = "{abi}"', 'library_abi = "0.0"'))
    versions = f"was built for quantdyn 0.0, this is quantdyn {abi}"
    refused(at.plugin("libold.so", "mid_rise.cpp", include=other), versions)
    (at.work / "harm.cpp").write_text("#include <cstdlib>\nstruct Harm { Harm() { std::exit(9); } } harm;\n")
    subprocess.run([*at.compiler, "-shared", "-fPIC", "empty.cpp", "-Wl,-soname,libquantdyn.so.0.0", "-o", "libother.so"],
                   cwd=at.work, check=True)
    subprocess.run([*at.compiler, "-shared", "-fPIC", "harm.cpp", "-Wl,--no-as-needed", "./libother.so", "-o",
                    "libharm.so"], cwd=at.work, check=True)
    refused("libharm.so", versions)


def check_program(at):
    (at.work / "program.cpp").write_text(PROGRAM)
    program = at.compile("program", ["program.cpp"])
    done = subprocess.run([at.work / program, "experiment.yaml"], cwd=at.work, capture_output=True, text=True)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout == done.stderr == "", (done.stdout, done.stderr)


def main():
    meson, build, prefix, *compiler = sys.argv[1:]
    if not shutil.which("pkg-config"):
        print("skipped: no pkg-config")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        at = Installation(pathlib.Path(folder), meson, build, prefix, compiler)
        check_headers(at)
        abi = check_pkg_config(at)
        check_networks(at)
        check_plugin(at)
        check_own_quantizer(at)
        check_python(at)
        check_refusals(at, abi)
        check_program(at)


if __name__ == "__main__":
    main()
