"""Pictures that a small network learns in a moment."""

import numpy as np


def separable(count, seed, dtype=np.float32):
    """Pictures of two classes: bright above, or bright below, with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pictures = random.random((count, 1, 16, 16), np.float32) * 0.3
    pictures[labels == 0, :, :8] += 0.7
    pictures[labels == 1, :, 8:] += 0.7
    if dtype == np.uint8:
        pictures = pictures * 255
    return pictures.astype(dtype), labels


def without_times(history):
    """The rows of a history but for what differs from run to run."""
    timed = ("seconds", "validation_seconds", "examples_per_second")
    return [{key: value for key, value in row.items() if key not in timed} for row in history]
