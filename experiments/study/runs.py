"""The results of the study, by group, net and seed; the layout of a file is that of ../FILE.md."""
import pathlib
import re
import sys

import numpy as np
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "figures"))
from result import FLOAT, Missing, Result, UserError, text  # noqa: E402, F401 (Missing and FLOAT are for others)


def at(config, key):
    """The value of a dotted key, None where a part of it is absent."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def plain(value):
    """A value of a config as claims.yaml writes it: yaml-cpp keeps words, so "false" may come as text."""
    return yaml.safe_load(value) if isinstance(value, str) else value


class Run:
    """One net of one seed: `net`, `seed`, `config` (with every default), `folder`; one result, or several of one net that
    hold different variants.
    """

    def __init__(self, paths):
        self.results = [Result(path) for path in paths]
        first = self.results[0].file
        self.config = yaml.safe_load(text(first["config/resolved"][()]))
        self.seed = int(first.attrs["seed"])
        self.net = pathlib.PurePosixPath(at(self.config, "network.file")).stem
        self.folder = pathlib.Path(paths[0]).parent

    def result_of(self, variant):
        """(result, index on the axis snapshot) of a variant's last snapshot; Missing where the run has none."""
        for result in self.results:
            if variant in result.variants:
                return result, result.pick(variant)
        raise Missing(f"no variant {variant}")

    def array(self, path, variant):
        """[layer], [channel] or a number of a variant's last snapshot; Missing where the file has no such dataset."""
        result, index = self.result_of(variant)
        if path not in result.file:
            raise Missing(f"no dataset {path}")
        return result.file[path][index]

    def number(self, metric, variant):
        """A networkwise metric; Missing where it is NaN."""
        value = float(self.array(f"networkwise/{metric}", variant))
        if np.isnan(value):
            raise Missing(f"networkwise/{metric} of {variant} is NaN")
        return value

    def layers(self, tensor, statistic, variant):
        return np.asarray(self.array(f"layerwise/{tensor}/{statistic}", variant), float)

    @property
    def kinds(self):
        return np.array(self.results[0].kinds)

    @property
    def names(self):
        return np.array(self.results[0].layers)

    def test_images(self):
        return int(self.results[0].file["provenance"].attrs["test_images"])


class Curve(Run):
    """A run's net at several epochs of its training: `points`, a Run each, by `epochs`."""

    def __init__(self, folders):
        super().__init__([folders[0] / "result.h5"])
        self.folder = folders[0].parent
        self.epochs = [int(folder.name.removeprefix("epoch-")) for folder in folders]
        self.points = [Run([folder / "result.h5"]) for folder in folders]


def load(folder):
    """{group: [Run]} of FOLDER/GROUP/..., by folders' names. UserError where a result is damaged."""
    out = {}
    for group in sorted(path for path in pathlib.Path(folder).iterdir() if path.is_dir()):
        runs = []
        for member in sorted(path for path in group.iterdir() if path.is_dir()):
            below = sorted(path.parent for path in member.glob("*/result.h5"))
            if group.name == "snapshots":
                runs += [Curve(below)] if below else []
            elif (member / "result.h5").is_file():
                runs.append(Run([member / "result.h5"]))
            elif below:  # groups of variants of one net
                runs.append(Run([path / "result.h5" for path in below]))
        out[group.name] = runs
    return out


def chosen(runs, net=None, where=None):
    """{seed: Run} of a net whose config has the values of `where`. UserError where two runs have one seed."""
    out = {}
    for run in runs:
        if net is not None and run.net != net:
            continue
        if any(plain(at(run.config, key)) != value for key, value in (where or {}).items()):
            continue
        if run.seed in out:
            raise UserError(f"{run.folder} and {out[run.seed].folder} are both of seed {run.seed}; expected one of them")
        out[run.seed] = run
    return out


def bits_of(variant):
    """8 of "minmax-8"; None where the name ends in no number."""
    found = re.search(r"-(\d+)$", variant)
    return int(found.group(1)) if found else None
