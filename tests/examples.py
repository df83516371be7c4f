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
