"""Trains on from a checkpoint of `--recipe keng2017`, in PyTorch, and prints the KL divergence of each ten steps.

    python benchmarks/pytorch_vae_resume.py last.safetensors data/cifar-10-batches-bin/data_batch_1.bin --steps 76

Takes weights and Adam's state from the checkpoint, in float32. The images are the file's, in order; the noise is
PyTorch's. Needs only torch, numpy and safetensors.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from pytorch_vae import Autoencoder
from safetensors.torch import load_file
from torch.nn import functional as F

BATCH = 25
#: As in the recipe: twice the published L2 penalties, of the encoder's two output layers.
DECAY = {"encoder.mean": 0.02, "encoder.log_variance": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("data", help="a binary file of CIFAR-10")
    parser.add_argument("--steps", type=int, default=76)
    parser.add_argument("--updates", type=float, default=1500, help="of Adam so far")
    options = parser.parse_args()
    tensors = load_file(options.checkpoint)
    network = Autoencoder("vae-resnet:0", "keng2017", (3, 32), 256)
    network.load_state_dict({name: tensor for name, tensor in tensors.items() if "/" not in name})
    parameters = dict(network.named_parameters())
    adam = torch.optim.Adam(
        [{"params": [p], "weight_decay": DECAY.get(n.rpartition(".")[0], 0.0)} for n, p in parameters.items()], lr=1e-3
    )
    for name, parameter in parameters.items():
        adam.state[parameter] = {
            "step": torch.tensor(options.updates),
            "exp_avg": tensors[f"optimizer/mean/{name}"],
            "exp_avg_sq": tensors[f"optimizer/square/{name}"],
        }
    images = np.fromfile(options.data, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
    network.to(memory_format=torch.channels_last).train()
    divergences = []
    for step in range(options.steps):
        x = torch.from_numpy(images[step * BATCH : (step + 1) * BATCH]).float().div(255)
        x = x.contiguous(memory_format=torch.channels_last)
        decoded, mean, logs = network(x, torch.randn(BATCH, 256), torch.zeros(BATCH, dtype=torch.long))
        divergence = (mean.square() + logs.exp() - 1 - logs).sum(1).mean() / 2
        adam.zero_grad()
        (3072 * F.binary_cross_entropy_with_logits(decoded, x) + divergence).backward()
        adam.step()
        divergences.append(divergence.item())
        if step % 10 == 9:
            print(f"step {step + 1}: KL divergence {np.mean(divergences[-10:]):.1f}", flush=True)
    print(f"mean: {np.mean(divergences):.1f}")


if __name__ == "__main__":
    main()
