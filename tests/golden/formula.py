"""Weights computed from the names of their tensors, so that other programs can compute them again."""

import math
import zlib

import numpy as np


def uniform(name, size):
    """Returns multiples of 2^-24 in [0, 1): SplitMix64's stream from the name's CRC-32 on."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        z = np.uint64(zlib.crc32(name.encode())) + np.arange(1, size + 1, dtype=np.uint64) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def weights(name, shape):
    """Returns a tensor of the ResNet-18 that imported_network.py compares, float32."""
    u = uniform(name, math.prod(shape))
    if name.endswith("running_var"):
        values = 0.5 + u
    elif len(shape) > 1:
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        values = 0.5 + 0.5 * u
    else:
        values = 0.02 * (2 * u - 1)
    return values.astype(np.float32).reshape(shape)
