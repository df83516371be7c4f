"""The variational autoencoders and their objectives in PyTorch, and a training loop as a baseline.

Prints one JSON object with the version and `train`, the seconds of each epoch with the data in memory as one tensor
and no DataLoader. The tensors have the names of py_djl_resnet's. tests/golden/autoencoders.py imports the networks.
Needs only torch and numpy.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import pytorch_loop
import torch
from torch import nn
from torch.nn import functional as F

RESNET_BLOCKS = ((1, 1, 1, 1), (1, 2, 2, 1), (2, 3, 4, 2), (3, 4, 6, 3))
NETWORKS = (*(f"vae-resnet:{depth}" for depth in range(4)), "vae-small")
OBJECTIVES = ("keng2017", "bernoulli", "gaussian", "learned-gaussian", "discretized-logistic")

#: Keras's defaults: the published networks kept 0.99 of the running statistics.
KERAS = {"eps": 1e-3, "momentum": 0.01}


def resize(inputs: int, outputs: int, kernel: int, stride: int, up: bool) -> nn.Module:
    """Returns a convolution that divides height and width by the stride or, with `up`, multiplies them."""
    if up:
        return nn.ConvTranspose2d(inputs, outputs, kernel, stride, kernel // 2, output_padding=stride - 1)
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


class Bottleneck(nn.Module):
    """Convolutions 1×1 (with the stride), 3×3 and 1×1; a projection where the shape changes."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, up: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = resize(inputs, width, 1, stride, up), nn.BatchNorm2d(width, **KERAS)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width, **KERAS)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1), nn.BatchNorm2d(outputs, **KERAS)
        self.downsample: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.downsample = nn.Sequential(resize(inputs, outputs, 1, stride, up), nn.BatchNorm2d(outputs, **KERAS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        y += self.downsample(x)
        return F.relu(y, inplace=True)


class Basic(nn.Module):
    """Two 3×3 convolutions, the first with a stride of 2; the projection is 1×1, or 3×3 with `up`."""

    def __init__(self, inputs: int, outputs: int, up: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = resize(inputs, outputs, 3, 2, up), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(resize(inputs, outputs, 3 if up else 1, 2, up), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.downsample(x)
        return F.relu(y, inplace=True)


def stage(inputs: int, width: int, blocks: int, stride: int, up: bool) -> nn.Sequential:
    """Returns bottlenecks; only the first changes the shape."""
    first = Bottleneck(inputs, width, 4 * width, stride, up)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, 4 * width, 1, up) for _ in range(blocks - 1)))


class ResNetStages(nn.Module):
    """The four stages, with which the encoder begins and the decoder ends; no stem."""

    def __init__(self, depth: int, inputs: int, up: bool) -> None:
        super().__init__()
        channels = (inputs, 256, 512, 1024)
        for i, (blocks, width) in enumerate(zip(RESNET_BLOCKS[depth], (64, 128, 256, 512), strict=True)):
            self.add_module(f"layer{i + 1}", stage(channels[i], width, blocks, 1 if i == 0 else 2, up))

    def stages(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
        return x


def with_classes(x: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    return torch.cat((x, F.one_hot(labels, classes).to(x)), 1) if classes else x


class ResNetEncoder(ResNetStages):
    """Images to means and log variances. A dense layer over the channels of a map is a 1×1 convolution."""

    def __init__(self, depth: int, channels: int, size: int, latent: int, classes: int) -> None:
        super().__init__(depth, channels, False)
        self.classes = classes
        self.conv9, self.bn9 = nn.Conv2d(2048, 1024, 1), nn.BatchNorm2d(1024, **KERAS)
        features = 1024 * (size // 8) ** 2 + classes
        self.mean, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.sigmoid(self.bn9(self.conv9(self.stages(x)))).flatten(1)
        y = with_classes(y, labels, self.classes)
        return self.mean(y), self.log_variance(y)


class ResNetDecoder(ResNetStages):
    """Latent variables to images before the sigmoid."""

    def __init__(self, depth: int, channels: int, size: int, latent: int, classes: int) -> None:
        super().__init__(depth, 64, True)
        self.classes, self.map = classes, size // 8
        features = 64 * self.map**2
        self.fc, self.bn = nn.Linear(latent + classes, features), nn.BatchNorm1d(features, **KERAS)
        self.out = nn.ConvTranspose2d(2048, channels, 1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        y = torch.sigmoid(self.bn(self.fc(with_classes(z, labels, self.classes))))
        return self.out(self.stages(y.unflatten(1, (64, self.map, self.map))))


class SmallEncoder(nn.Module):
    """A 3×3 convolution and two residual blocks."""

    def __init__(self, channels: int, size: int, latent: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.conv1, self.bn1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1, self.layer2 = Basic(16, 32, False), Basic(32, 64, False)
        features = 64 * (size // 4) ** 2 + classes
        self.mean, self.log_variance = nn.Linear(features, latent), nn.Linear(features, latent)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)), inplace=True))).flatten(1)
        y = with_classes(y, labels, self.classes)
        return self.mean(y), self.log_variance(y)


class SmallDecoder(nn.Module):
    """A dense layer, two residual blocks and a 3×3 convolution."""

    def __init__(self, channels: int, size: int, latent: int, classes: int) -> None:
        super().__init__()
        self.classes, self.map = classes, size // 4
        self.fc = nn.Linear(latent + classes, 64 * self.map**2)
        self.layer1, self.layer2 = Basic(64, 32, True), Basic(32, 16, True)
        self.out = nn.Conv2d(16, channels, 3, padding=1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.fc(with_classes(z, labels, self.classes)), inplace=True)
        return self.out(self.layer2(self.layer1(y.unflatten(1, (64, self.map, self.map)))))


class Autoencoder(nn.Module):
    """Encoder, sampling and decoder.

    Args:
        model: one of `NETWORKS`.
        objective: one of `OBJECTIVES`; gaussian has the optimal deviation.
        image: channels, and height, which equals width.
        latent: the number of latent variables.
        classes: the number of classes that it is conditional on; 0 for none.
    """

    def __init__(self, model: str, objective: str, image: tuple[int, int], latent: int, classes: int = 0) -> None:
        super().__init__()
        self.objective = objective
        sizes = (*image, latent, classes)
        name, _, depth = model.partition(":")
        small = name == "vae-small"
        self.encoder: nn.Module = SmallEncoder(*sizes) if small else ResNetEncoder(int(depth), *sizes)
        self.decoder: nn.Module = SmallDecoder(*sizes) if small else ResNetDecoder(int(depth), *sizes)
        self.likelihood = nn.Module()
        if objective in ("learned-gaussian", "discretized-logistic"):
            self.likelihood.log_scale = nn.Parameter(torch.tensor([-2.0]))

    def forward(
        self, x: torch.Tensor, noise: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns images before the sigmoid, means and log variances."""
        mean, log_variance = self.encoder(x, labels)
        exponent = 1 if self.objective == "keng2017" else 0.5
        return self.decoder(mean + torch.exp(exponent * log_variance) * noise, labels), mean, log_variance

    def reconstruction(self, decoded: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Returns the mean of an image's negative log-likelihood, in nats."""
        pixels, mean = x[0].numel(), torch.sigmoid(decoded)
        if self.objective in ("keng2017", "bernoulli"):
            return pixels * F.binary_cross_entropy_with_logits(decoded, x)
        if self.objective == "discretized-logistic":
            inverse = torch.exp(-self.likelihood.log_scale)
            # logarithms of the distribution function at the ends of each pixel's bin
            low, high = (x - mean - 1 / 510) * inverse, (x - mean + 1 / 510) * inverse
            inner = F.logsigmoid(high) + torch.log(-torch.expm1(F.logsigmoid(low) - F.logsigmoid(high)))
            logs = torch.where(x == 0, F.logsigmoid(high), torch.where(x == 1, F.logsigmoid(-low), inner))
            return -logs.sum() / len(x)
        mse = F.mse_loss(mean, x)
        if self.objective == "gaussian":
            log_deviation = (mse.log() / 2).clamp_min(-6)
        else:
            log_deviation = F.softplus(self.likelihood.log_scale + 6) - 6
        return pixels * (mse / (2 * torch.exp(2 * log_deviation)) + log_deviation + math.log(2 * math.pi) / 2).mean()

    def terms(
        self,
        outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        x: torch.Tensor,
        weight: float = 1,
        free_bits: float = 0,
    ) -> dict[str, torch.Tensor]:
        """Returns the loss and its parts, each a mean over the images."""
        decoded, mean, log_variance = outputs
        divergences = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).mean(0)
        reconstruction, kl = self.reconstruction(decoded, x), divergences.sum()
        return {
            "loss": reconstruction + weight * divergences.clamp_min(free_bits).sum(),
            "elbo": -reconstruction - kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "mse": F.mse_loss(torch.sigmoid(decoded), x),
        }


def epochs(args: argparse.Namespace) -> list[float]:
    """Returns the seconds of training in each epoch, with the metrics that our command computes."""
    torch.manual_seed(0)
    order = torch.channels_last if args.channels_last else torch.contiguous_format
    x, y = pytorch_loop.read(args.dataset, args.data_dir, True, args.limit)
    small = args.model == "vae-small"
    network = Autoencoder(args.model, args.objective, (x.shape[1], x.shape[2]), 32 if small else 256)
    network = network.to(memory_format=order).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    latent = network.encoder.mean.out_features
    seconds = []
    for _ in range(args.epochs):
        start = time.perf_counter()
        sums: dict[str, torch.Tensor] = {}
        for images, labels in pytorch_loop.batches(x, y, args.batch_size, torch.randperm(len(x))):
            outputs = network(images.to(memory_format=order), torch.randn(len(images), latent), labels)
            terms = network.terms(outputs, images)
            optimizer.zero_grad(set_to_none=True)
            terms["loss"].backward()
            optimizer.step()
            for name, value in terms.items():
                sums[name] = sums.get(name, torch.zeros(())) + value.detach() * len(images)
        if not sums["loss"].isfinite():
            raise SystemExit("The loss is no longer finite.")
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=NETWORKS)
    parser.add_argument("--objective", choices=OBJECTIVES, default="gaussian")
    parser.add_argument("--dataset", choices=("fashion-mnist", "cifar-10"), default="fashion-mnist")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(json.dumps({"torch": torch.__version__, "train": epochs(args)}))


if __name__ == "__main__":
    main()
