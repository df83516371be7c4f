"""State dicts in safetensors files, written and read without this package."""

import json
import struct

import numpy as np

DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32"}


def write_safetensors(file, tensors, metadata=None):
    """Writes arrays, or pairs of a type's name and an array of its bits."""
    header, data = {}, b""
    for name, value in tensors.items():
        dtype, array = value if isinstance(value, tuple) else (DTYPES[value.dtype.name], value)
        content = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    write_raw(file, header | ({"__metadata__": metadata} if metadata else {}), data)
    return file


def write_raw(file, header, data=b"", announced=None):
    """Writes a header, which may be wrong, and data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if announced is None else announced) + text + data)


def read_safetensors(file):
    """Returns the arrays by name, in the order of the header."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    types = {kind: name for name, kind in DTYPES.items()}
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(content[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return found


def random_state(state, seed=0):
    """Returns a state dict with other values; statistics and scales look trained."""
    random = np.random.default_rng(seed)
    changed = {}
    for name, array in state.items():
        if array.dtype != np.float32:
            changed[name] = np.array(random.integers(1, 1000), np.int64)
        elif name.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight")):
            changed[name] = random.uniform(0.5, 1.5, array.shape).astype(np.float32)
        else:
            # close to He initialization, so that the outputs of deep networks stay finite
            changed[name] = (array + 0.05 * random.standard_normal(array.shape) * (array.ndim < 2)).astype(np.float32)
    return changed
