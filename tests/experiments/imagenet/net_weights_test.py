#!/usr/bin/python3
"""Reads arrays out of a GraphDef made by hand and out of checkpoints that PyTorch writes.

net_weights_test.py FOLDER_OF_NET_WEIGHTS. Exit code 77, shown as skipped, where numpy is missing.
"""
import pathlib
import pickle
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
try:
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}; install python3-numpy")
    sys.exit(77)
try:
    import torch
except ImportError:
    torch = None

sys.path.insert(0, sys.argv[1])
from net_weights import graph_arrays, torch_arrays  # noqa: E402
from problem import Problem  # noqa: E402


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(name, operator, array=None, dtype=1):
    out = field(1, name) + field(2, operator) + field(5, field(1, b"dtype") + field(2, field(6, dtype)))
    if array is not None:
        shape = b"".join(field(2, field(1, size)) for size in array.shape)
        tensor = field(1, dtype) + field(2, shape) + field(4, array.tobytes())
        out += field(5, field(1, b"value") + field(2, field(8, tensor)))
    return field(1, out)


def refusal(read, path):
    try:
        read(path)
    except Problem as problem:
        return str(problem)
    raise AssertionError("accepted")


def float_constants_of_a_graph_are_read(folder):
    weights = np.arange(300, dtype="<f4").reshape(3, 4, 25)
    counts = np.array([1, 2], "<i4")
    graph = node(b"a/weights", b"Const", weights) + node(b"x", b"Placeholder") + node(b"n", b"Const", counts, 3)
    (folder / "graph.pb").write_bytes(graph)
    found = graph_arrays(folder / "graph.pb")
    assert list(found) == ["a/weights"] and np.array_equal(found["a/weights"], weights)
    (folder / "graph.pb").write_bytes(graph[:700])
    assert "ends within a field" in refusal(graph_arrays, folder / "graph.pb")
    (folder / "graph.pb").write_bytes(b"\xff" * 20)
    refusal(graph_arrays, folder / "graph.pb")


def a_checkpoint_gives_what_pytorch_reads(folder):
    if torch is None:
        print("not tried: needs python3-torch")
        return
    path = folder / "net.pth"
    shared = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = {"weight": shared, "turned": shared.permute(2, 0, 1), "part": shared[1:], "one": torch.tensor(7)}
    torch.save(state, path, _use_new_zipfile_serialization=False)
    found = torch_arrays(path)
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert np.array_equal(found[name], tensor.numpy()) and found[name].shape == tuple(tensor.shape), name
    path.write_bytes(path.read_bytes()[:-30])
    assert "ends within a storage" in refusal(torch_arrays, path)
    torch.save(state, path)
    refusal(torch_arrays, path)


def a_checkpoint_runs_nothing(folder):
    path = folder / "net.pth"
    harmful = b"\x80\x02cos\nsystem\nU\x04true\x85R."
    head = pickle.dumps(0x1950a86a20f9469cfc6c, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    path.write_bytes(head + harmful + pickle.dumps([], 2) + struct.pack("<q", 0))
    assert "names os.system" in refusal(torch_arrays, path)


for fact in (float_constants_of_a_graph_are_read, a_checkpoint_gives_what_pytorch_reads, a_checkpoint_runs_nothing):
    with tempfile.TemporaryDirectory() as name:
        fact(pathlib.Path(name))
    print(fact.__name__)
