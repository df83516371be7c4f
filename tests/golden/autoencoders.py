"""Computes outputs, losses and gradients of variational autoencoders with PyTorch, in float64.

The networks and objectives are benchmarks/pytorch_vae.py. Weights, images and noise are computed from names
(formula.py), labels from the place in the batch. Needs torch, with which the committed file was made: 2.15.0. Run in
the repository root:

    python tests/golden/autoencoders.py java/src/test/resources/golden/autoencoders.json
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from formula import uniform, weights

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

import pytorch_vae

BATCH, LATENT, WEIGHT = 3, 5, 0.7
#: Network, objective, channels, height and width, classes, free bits.
CASES = (
    # the map before the latents has 2 rows and columns, so that the order in which it is flattened matters
    ("vae-resnet:0", "keng2017", 3, 16, 0, 0),
    ("vae-resnet:1", "learned-gaussian", 3, 8, 0, 0),
    ("vae-small", "gaussian", 1, 8, 0, 0),
    ("vae-small", "discretized-logistic", 1, 8, 4, 0.1),
)


def float64(values: np.ndarray, *shape: int) -> torch.Tensor:
    """Returns values that are rounded to float32."""
    return torch.tensor(values.astype(np.float32), dtype=torch.float64).view(shape)


def rounded(tensor: torch.Tensor) -> list[float]:
    return [float(f"{value:.12g}") for value in tensor.flatten().tolist()]


def projection(name: str, tensor: torch.Tensor) -> float:
    """Returns a tensor's product with values from -1 to 1, which signs and order change."""
    direction = torch.tensor(2 * uniform(f"direction {name}", tensor.numel()) - 1)
    return rounded(tensor.flatten() @ direction)[0]


def case(model: str, objective: str, channels: int, side: int, classes: int, free_bits: float) -> dict[str, object]:
    """Returns outputs in evaluation mode, and terms, norms and projections of gradients in training mode."""
    network = pytorch_vae.Autoencoder(model, objective, (channels, side), LATENT, classes).double().eval()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(torch.tensor(weights(name, tuple(tensor.shape))))
    # bytes, the ends among them
    pixels = uniform("images", BATCH * channels * side**2)
    images = float64(np.clip(np.floor(300 * pixels) - 20, 0, 255) / 255, BATCH, channels, side, side)
    noise = float64(3.4 * uniform("noise", BATCH * LATENT) - 1.7, BATCH, LATENT)
    labels = torch.tensor([(7 * place + 3) % max(classes, 1) for place in range(BATCH)])
    with torch.no_grad():
        decoded, mean, log_variance = network(images, noise, labels)
    terms = network.terms(network.train()(images, noise, labels), images, WEIGHT, free_bits)
    terms["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    return {
        "model": model,
        "objective": objective,
        "channels": channels,
        "side": side,
        "classes": classes,
        "free_bits": free_bits,
        "decoded": [projection("decoded", image) for image in decoded],
        "mean": rounded(mean),
        "log_variance": rounded(log_variance),
        "terms": {name: rounded(value)[0] for name, value in terms.items()},
        "norms": {name: rounded(gradient.norm())[0] for name, gradient in gradients.items()},
        "projections": {name: projection(name, gradient) for name, gradient in gradients.items()},
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps([case(*one) for one in CASES], indent=1) + "\n", "utf-8")
