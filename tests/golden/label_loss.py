"""Writes java/src/test/resources/golden/label_loss.json: losses and their gradients, computed by PyTorch.

Without focusing, the loss is torch.nn.functional.cross_entropy; with it, the formula of Keras's
CategoricalFocalCrossentropy, differentiated by autograd. Needs torch; run in the repository root:

    python tests/golden/label_loss.py
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

PATH = Path("java/src/test/resources/golden/label_loss.json")
CASES = [
    {"weights": None, "smoothing": 0.0, "focusing": 0.0},
    {"weights": None, "smoothing": 0.1, "focusing": 0.0},
    {"weights": [0.5, 2.0, 0.0, 1.25], "smoothing": 0.0, "focusing": 0.0},
    {"weights": [0.5, 2.0, 0.0, 1.25], "smoothing": 0.2, "focusing": 0.0},
    {"weights": None, "smoothing": 0.0, "focusing": 2.0},
    {"weights": None, "smoothing": 0.1, "focusing": 0.5},
    {"weights": [0.5, 2.0, 0.0, 1.25], "smoothing": 0.2, "focusing": 1.5},
]


def loss(logits, labels, weights, smoothing, focusing):
    """Returns the loss of each example, (N)."""
    weight = None if weights is None else torch.tensor(weights, dtype=logits.dtype)
    if focusing == 0:
        return functional.cross_entropy(logits, labels, weight, reduction="none", label_smoothing=smoothing)
    targets = functional.one_hot(labels, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
    probabilities = torch.softmax(logits, 1)
    terms = -targets * (1 - probabilities) ** focusing * torch.log(probabilities)
    return (terms if weight is None else terms * weight).sum(1)


if __name__ == "__main__":
    torch.manual_seed(0)
    logits = (3 * torch.randn(6, 4)).round(decimals=3).double()
    labels = torch.tensor([0, 1, 2, 3, 1, 0])
    cases = []
    for case in CASES:
        inputs = logits.clone().requires_grad_(True)
        each = loss(inputs, labels, **case)
        each.mean().backward()
        cases.append({**case, "each": each.tolist(), "gradient": inputs.grad.flatten().tolist()})
    form = {"torch": torch.__version__, "logits": logits.flatten().tolist(), "labels": labels.tolist(), "cases": cases}
    PATH.write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")
