"""Every YAML file that comes with the program fits `quantdyn schema`, and mistakes do not: schema_test.py SOURCE PROGRAM"""
import json
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

try:
    import jsonschema
except ImportError:
    print("no jsonschema in this python3; experiments/install_packages.sh --tests installs it")
    sys.exit(77)

SOURCE, PROGRAM = pathlib.Path(sys.argv[1]), sys.argv[2]

EXPERIMENT = """
network: {file: dws.yaml, width: 0.5}
data: {source: {name: synthetic}}
train: {epochs: 2, optimizer: adam}
variants: [{name: a, weights: {quantizer: {name: affine, bit_width: 4}}, activations: {}}]
"""
NETWORK = "{input: [32, 32, 3], nodes: [{block: {name: a, channels: $width}}, {dense: {name: b, units: 10}}]}"


def as_yaml_1_2(value):
    """PyYAML reads 5e-4 as a text, the program and YAML 1.2 as a number."""
    if isinstance(value, dict):
        return {key: as_yaml_1_2(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_yaml_1_2(item) for item in value]
    return float(value) if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9.]+e[-+]?[0-9]+", value) else value


def schema(kind):
    return json.loads(subprocess.run([PROGRAM, "schema", kind], check=True, capture_output=True, text=True).stdout)


def changed(text, key, value):
    """The document of `text` with the value at a dotted key replaced."""
    document = yaml.safe_load(text)
    at = document
    *way, last = [int(word) if word.isdigit() else word for word in key.split(".")]
    for word in way:
        at = at[word]
    at[last] = value
    return document


class Schema(unittest.TestCase):
    def check(self, kind):
        jsonschema.Draft7Validator.check_schema(schema(kind))
        return jsonschema.Draft7Validator(schema(kind))

    def test_every_file_fits(self):
        validators = {"experiment": self.check("experiment"), "network": self.check("network")}
        counts = dict.fromkeys(validators, 0)
        for path in sorted((SOURCE / "experiments").rglob("*.yaml")):
            if "plugin_example" in path.parts:  # has plugins of its own
                continue
            document = as_yaml_1_2(yaml.safe_load(path.read_text(encoding="utf-8")))
            kind = "experiment" if "data" in document else "network" if "nodes" in document else None
            if kind is None:
                continue
            counts[kind] += 1
            with self.subTest(path=path):
                self.assertEqual([error.message for error in validators[kind].iter_errors(document)], [])
        self.assertGreater(min(counts.values()), 8)

    def test_what_the_program_takes_fits(self):
        experiment, network = self.check("experiment"), self.check("network")
        for key, value in {"variants": None, "variants.0.overrides": None, "variants.0.weights.quantizer": {"name": "none"},
                           "variants.0.weights.quantizer": "none", "data.standardize": None, "track": {"statistics": ["moments"]},
                           "train.epochs": 0, "plugins": "libmine.so", "sweep": [{"name": "a", "train.epochs": 1}],
                           "variants.0.overrides": [{"nodes": "a", "weights": {"quantizer": {"bit_width": 8}}}]}.items():
            with self.subTest(key=key, value=value):
                experiment.validate(changed(EXPERIMENT, key, value))
        for key, value in {"input": ["$s", "$s", 3], "nodes.0.block.kernel": "$k", "nodes.0.block.initializer": "he_uniform",
                           "nodes.0.block.activation": {"name": "$act"}, "nodes.0.block": "$b", "nodes": "$nodes",
                           "nodes.0.block.activation": {"name": "none"},
                           "nodes.1.dense.initializer": {"name": "network"}}.items():
            with self.subTest(key=key, value=value):
                network.validate(changed(NETWORK, key, value))

    def test_mistakes_do_not(self):
        experiment, network = self.check("experiment"), self.check("network")
        experiment.validate(yaml.safe_load(EXPERIMENT))
        network.validate(yaml.safe_load(NETWORK))
        for key, value in {"train.epochs": "many", "train.epoch": 3, "train.batch_size": 0, "train.optimizer": "adm",
                           "variants.0.weights.quantizer.bit_width": 1, "variants.0.weights.quantizer.bits": 4,
                           "variants.0.repair": {}, "variants.0.weights": None, "track": {"statistics": "moments"}, "data.source.name": "cifar", "tracks": {}}.items():
            with self.subTest(key=key, value=value):
                self.assertFalse(experiment.is_valid(changed(EXPERIMENT, key, value)))
        for key, value in {"nodes.0.block.channel": 3, "nodes.0.block.stride": 0, "nodes.1.dense.activation": "relu",
                           "nodes.1.dens": {"name": "c"}, "nodes.0.block.activation": "dense", "nodes.0.block.initialiser": "he_normal", "input": "three"}.items():
            with self.subTest(key=key, value=value):
                self.assertFalse(network.is_valid(changed(NETWORK, key, value)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
