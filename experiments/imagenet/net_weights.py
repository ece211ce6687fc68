"""Arrays out of files that frameworks wrote, without those frameworks: a PyTorch checkpoint, a TensorFlow GraphDef.

Nothing in the files is run: a checkpoint's pickle may only name tensors and containers.
"""
import collections
import pickle
import struct

import numpy as np

from problem import Problem

# ---- PyTorch before 1.6: four pickles, the names of the storages, then each storage as a count and its bytes.

MAGIC = 0x1950a86a20f9469cfc6c
NUMPY_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8"), "DoubleStorage": np.dtype("<f8")}


class Storage:
    def __init__(self, dtype, count):
        self.dtype, self.count, self.values = dtype, count, None


class Tensor:
    """Part of a storage that is read later."""

    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self):
        values, step = self.storage.values[self.offset:], self.storage.dtype.itemsize
        return np.lib.stride_tricks.as_strided(values, self.size, [step * s for s in self.stride]).copy()


class Unpickler(pickle.Unpickler):
    def __init__(self, file, storages):
        super().__init__(file, encoding="latin1")
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return Tensor
        if module == "torch" and name in NUMPY_TYPES:
            return NUMPY_TYPES[name]
        raise pickle.UnpicklingError(f"names {module}.{name}; accepted: tensors of float, double or int64")

    def persistent_load(self, pid):
        kind, dtype, key, _, count = pid[:5]
        if kind != "storage" or (len(pid) > 5 and pid[5] is not None):
            raise pickle.UnpicklingError(f"holds a {kind}, or a view; accepted: whole storages")
        return self.storages.setdefault(key, Storage(dtype, count))


def torch_arrays(path):
    """{name: array} of a state dict."""
    storages = {}
    try:
        with open(path, "rb") as file:
            load = lambda: Unpickler(file, storages).load()  # noqa: E731
            if load() != MAGIC:
                raise Problem(f"{path}: is not a PyTorch checkpoint of the format before 1.6")
            load(), load()  # the protocol's version, the machine's sizes
            state, keys = load(), load()
            for key in keys:
                storage = storages[key]
                count, = struct.unpack("<q", file.read(8))
                storage.values = np.fromfile(file, storage.dtype, count)
                if count != storage.count or len(storage.values) != count:
                    raise Problem(f"{path}: ends within a storage of {storage.count} values")
    except (pickle.UnpicklingError, EOFError, KeyError, struct.error) as why:
        raise Problem(f"{path}: cannot be read: {why}") from why
    return {name: tensor.array() for name, tensor in state.items()}


# ---- Protocol buffers, as far as a GraphDef's constants need them.


def varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of a message: an int, or the bytes of a text, message or packed array."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, at = data[at:at + size], at + size
        elif wire == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise Problem(f"a GraphDef that ends within a field of {size} bytes")
            value, at = data[at:at + size], at + size
        else:
            raise Problem(f"a GraphDef with wire type {wire}; accepted: 0, 1, 2 and 5")
        yield number, value


def one(data, number):
    return next((value for found, value in fields(data) if found == number), None)


def constant_of(node):
    """The float array of a node's attribute `value` (TensorProto: 1 type, 2 shape, 4 bytes); None for others."""
    for number, entry in fields(node):  # NodeDef: 1 name, 2 operator, 5 attributes by name
        if number != 5 or bytes(one(entry, 1)) != b"value":
            continue
        tensor = one(one(entry, 2), 8)
        if tensor is None or one(tensor, 1) != 1 or one(tensor, 4) is None:
            return None
        axes = [value for found, value in fields(one(tensor, 2) or b"") if found == 2]
        return np.frombuffer(one(tensor, 4), "<f4").reshape([one(axis, 1) for axis in axes])
    return None


def graph_arrays(path):
    """{node: array} of a GraphDef's float constants."""
    with open(path, "rb") as f:
        data = memoryview(f.read())
    out = {}
    try:
        for number, node in fields(data):
            if number != 1 or bytes(one(node, 2)) != b"Const":
                continue
            array = constant_of(node)
            if array is not None:
                out[bytes(one(node, 1)).decode()] = array
    except (IndexError, ValueError, TypeError) as why:
        raise Problem(f"{path}: cannot be read as a GraphDef: {why}") from why
    return out
