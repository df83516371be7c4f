"""Images that a small network learns in a moment."""

import numpy as np


def separable(count, seed, dtype=np.float32):
    """Returns images of two classes, bright above or bright below, with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = random.random((count, 1, 16, 16), np.float32) * 0.3
    images[labels == 0, :, :8] += 0.7
    images[labels == 1, :, 8:] += 0.7
    if dtype == np.uint8:
        images = images * 255
    return images.astype(dtype), labels


def without_times(history):
    """Returns the rows of a history without the times."""
    timed = ("seconds", "validation_seconds", "examples_per_second")
    return [{key: value for key, value in row.items() if key not in timed} for row in history]
