"""The runs of the study by group, net and seed: read from results (../FILE.md), or from what was recorded of them.

A record keeps, of every run, the values that claims (and figures, if they were drawn) read, exact to the bit, with the SHA-256
of the files that they came from. So claims can be decided again without the HDF5 files, and runs of several machines together.
"""
import json
import math
import pathlib
import re
import sys

import numpy as np
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
from quantdyn.figures.result import FLOAT, Missing, Result, UserError, text  # noqa: E402, F401 (FLOAT is for others)

TRAINING = "training/"  # before a path: its values over training
MACHINE = ("git_revision", "cpu", "instruction_set", "blis_architecture")  # attributes of the file that bits depend on


def at(config, key):
    """The value of a dotted key, None where a part of it is absent."""
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def plain(value):
    """A value of a config as claims.yaml writes it: yaml-cpp keeps words, so "false" may come as text."""
    return yaml.safe_load(value) if isinstance(value, str) else value


class Run:
    """One net of one seed: `member` (its folder's name), `net`, `seed`, `variants`; `names`, `kinds` [layer];
    `test_images`; `files` and `machine`, for the record. What has been read of it is kept.
    """

    def __init__(self, member, config, values):
        self.member = member
        self.config = config  # dotted keys that were asked for, and their values
        self.values = values  # {variant: {path: value}} that were asked for

    def array(self, path, variant):
        """[layer] or a number of a variant's last snapshot; Missing where the run has no such variant or dataset."""
        if variant not in self.variants:
            raise Missing(f"no variant {variant}")
        known = self.values.setdefault(variant, {})
        if path not in known:
            known[path] = self.found(path, variant)
        return known[path]

    def number(self, metric, variant):
        """A networkwise metric; Missing where it is NaN."""
        value = float(self.array(f"networkwise/{metric}", variant))
        if np.isnan(value):
            raise Missing(f"networkwise/{metric} of {variant} is NaN")
        return value

    def layers(self, tensor, statistic, variant):
        return np.asarray(self.array(f"layerwise/{tensor}/{statistic}", variant), float)

    def key(self, key):
        """The value of a dotted key of the experiment, None where it has none."""
        if key not in self.config:
            self.config[key] = self.found_key(key)
        return self.config[key]

    def over_training(self, metric, variant):
        """[time]: a networkwise metric of a variant at every snapshot after an epoch, the last one included."""
        return np.asarray(self.array(f"{TRAINING}networkwise/{metric}", variant), float)

    @property
    def epochs(self):
        """[time]: those of the float net's snapshots after an epoch."""
        return np.asarray(self.array(f"{TRAINING}epoch", FLOAT), int)

    def record(self):
        """What `Recorded` takes."""
        return {"member": self.member, "net": self.net, "seed": self.seed, "test_images": self.test_images, "files": self.files,
                "machine": self.machine, "layers": list(map(list, zip(self.names.tolist(), self.kinds.tolist()))),
                "variants": self.variants, "config": self.config,
                "values": {variant: {path: as_json(value) for path, value in of.items()} for variant, of in self.values.items() if of}}


class Read(Run):
    """A run of results; several of one net hold different variants."""

    def __init__(self, member, paths, folder):
        super().__init__(member, {}, {})
        self.results = [Result(path) for path in paths]
        first = self.results[0]
        self.resolved = yaml.safe_load(text(first.file["config/resolved"][()]))
        self.seed = int(first.file.attrs["seed"])
        self.net = pathlib.PurePosixPath(at(self.resolved, "network.file")).stem
        self.names, self.kinds = np.array(first.layers), np.array(first.kinds)
        self.variants = list(dict.fromkeys(name for result in self.results for name in result.variants))
        attributes = {**first.file.attrs, **first.file["provenance"].attrs}
        self.test_images = int(attributes["test_images"])
        self.machine = {name: text(attributes[name]) for name in MACHINE if name in attributes}
        self.files = []
        for path in paths:
            sums = pathlib.Path(f"{path}.sha256")
            self.files.append({"file": pathlib.Path(path).relative_to(folder).as_posix(),
                               "sha256": sums.read_text(encoding="utf-8").split()[0] if sums.is_file() else ""})

    def found(self, path, variant):
        if path in DERIVED:
            return DERIVED[path](self, variant)
        if path.startswith(TRAINING):
            return self.snapshots(path.removeprefix(TRAINING), variant)
        return self.dataset(path, variant)

    def result_with(self, variant):
        """The first result that has the variant."""
        for result in self.results:
            if variant in result.variants:
                return result
        raise Missing(f"no variant {variant}")

    def snapshots(self, path, variant):
        """[time]: a dataset at the variant's snapshots after an epoch."""
        result = self.result_with(variant)
        if path not in result.file:
            raise Missing(f"no dataset {path}")
        return np.asarray(result.file[path][:])[[index for index in result.snapshots_of(variant) if result.epochs[index] > 0]]

    def dataset(self, path, variant):
        """[layer], [channel] or a number of the first result that has the variant."""
        result = self.result_with(variant)
        if path not in result.file:
            raise Missing(f"no dataset {path}")
        return result.file[path][result.pick(variant)]

    def found_key(self, key):
        return plain(at(self.resolved, key))


class Recorded(Run):
    """A run of which only a record is there."""

    def __init__(self, record):
        super().__init__(record["member"], record["config"],
                         {variant: {path: of_json(value) for path, value in of.items()} for variant, of in record["values"].items()})
        self.net, self.seed, self.test_images = record["net"], record["seed"], record["test_images"]
        self.names, self.kinds = (np.array(column) for column in zip(*record["layers"]))
        self.variants, self.files, self.machine = record["variants"], record["files"], record["machine"]

    def found(self, path, variant):
        raise Missing(f"no dataset {path} of {variant} in the record of {self.member}")

    def found_key(self, key):
        raise UserError(f"the record of {self.member} has no key {key}; its result.h5 is needed")


def as_json(value):
    """A number, or a list of them; JSON has none for those that are not finite, so these are words."""
    if np.ndim(value):
        return [as_json(item) for item in value]
    value = float(value)
    return value if math.isfinite(value) else str(value)


def of_json(value):
    return np.array([float(item) for item in value]) if isinstance(value, list) else float(value)


def shift_ratios(run, variant):
    """[layer]: sqrt(sum_c s_c^2 / sum_c E[x_c^2]), s_c the accumulated mean shift of channel c of the layer's output."""
    shift = np.asarray(run.dataset("channelwise/output/accumulated_mean_shift", variant), float)
    power = (np.asarray(run.dataset("channelwise/output/variance", FLOAT), float)
             + np.asarray(run.dataset("channelwise/output/mean", FLOAT), float) ** 2)
    out = []
    for layer in range(len(run.names)):
        part = run.results[0].span(layer)
        total = np.nansum(power[part])
        out.append(np.sqrt(np.nansum(shift[part] ** 2) / total) if total > 0 else np.nan)
    return np.array(out)


DERIVED = {"layerwise/output/accumulated_mean_shift_ratio": shift_ratios}  # [layer], from datasets over channels


def read_group(folder, group):
    """{member: Run} of the results FOLDER/GROUP/MEMBER/...; UserError where one is damaged."""
    out = {}
    for member in sorted(path for path in group.iterdir() if path.is_dir()):
        name, below = member.name, sorted(path.parent for path in member.glob("*/result.h5"))
        if (member / "result.h5").is_file():
            out[name] = Read(name, [member / "result.h5"], folder)
        elif below:  # groups of variants of one net
            out[name] = Read(name, [part / "result.h5" for part in below], folder)
    return out


def recorded_group(path):
    """{member: Run} of a record GROUP.jsonl: a line a run."""
    out = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            run = Recorded(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}:{number}: not a record of a run ({error!r})") from None
        out[run.member] = run
    return out


def load(*folders):
    """{group: [Run]} of all FOLDER/GROUP/MEMBER/result.h5 and FOLDER/GROUP.jsonl. A result counts before the record
    of the same member, and a later folder before an earlier one.
    """
    groups = {}
    for folder in map(pathlib.Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder}: is no folder; expected one with GROUP/MEMBER/result.h5 or GROUP.jsonl")
        for path in sorted(folder.glob("*.jsonl")):
            groups.setdefault(path.stem, {}).update(recorded_group(path))
        for path in sorted(path for path in folder.iterdir() if path.is_dir()):
            groups.setdefault(path.name, {}).update(read_group(folder, path))
    return {group: [runs[member] for member in sorted(runs)] for group, runs in sorted(groups.items()) if runs}


def write_records(groups, folder):
    """FOLDER/GROUP.jsonl of all groups, of what has been read of their runs."""
    for group, runs in groups.items():
        lines = [json.dumps(run.record(), allow_nan=False) for run in runs]
        (folder / f"{group}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def chosen(runs, net=None, where=None):
    """{seed: Run} of a net whose config has the values of `where`. UserError where two runs have one seed."""
    out = {}
    for run in runs:
        if net is not None and run.net != net:
            continue
        if any(run.key(key) != value for key, value in (where or {}).items()):
            continue
        if run.seed in out:
            raise UserError(f"{run.member} and {out[run.seed].member} are both of seed {run.seed}; expected one of them")
        out[run.seed] = run
    return out


def bits_of(variant):
    """8 of "minmax-8"; None where the name ends in no number."""
    found = re.search(r"-(\d+)$", variant)
    return int(found.group(1)) if found else None
