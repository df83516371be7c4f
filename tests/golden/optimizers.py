"""Computes what PyTorch's optimizers make of some parameters in 20 steps, for OptimizerGoldenTest.

    python tests/golden/optimizers.py java/src/test/resources/golden/optimizers.json

Needs torch, with which the committed file was made: 2.15.0. SGD, Adam, AdamW, clipping and the cosine with restarts are
torch's own. Muon and the triangular rate follow airbench94_muon.py and airbench94.py
(https://github.com/KellerJordan/cifar10-airbench), Muon in float32 instead of bfloat16; LARS follows algorithm 1 of
You et al., 2017.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

STEPS = 20
SHAPES = {
    "conv1.weight": (4, 3, 3, 3),
    "bn1.weight": (4,),
    "bn1.bias": (4,),
    "conv2.weight": (8, 1, 2, 2),
    "fc.weight": (5, 8),
    "fc.bias": (5,),
}
BIASES = ("bn1.bias", "fc.bias")
NORMS = ("bn1.weight", "bn1.bias")
FILTERS = ("conv1.weight", "conv2.weight")

Parameters = dict[str, torch.nn.Parameter]


def initial() -> Parameters:
    """Returns the parameters: cos(0.9 i + k) for element i of parameter k."""
    parameters = {}
    for k, (name, shape) in enumerate(SHAPES.items()):
        values = [math.cos(0.9 * i + k) for i in range(math.prod(shape))]
        parameters[name] = torch.nn.Parameter(torch.tensor(values, dtype=torch.float32).reshape(shape))
    return parameters


def set_gradients(parameters: Parameters, step: int) -> None:
    """Sets the gradients: 0.3 sin(0.7 i + 1.3 step + k) + p / 2."""
    for k, p in enumerate(parameters.values()):
        waves = [0.3 * math.sin(0.7 * i + 1.3 * step + k) for i in range(p.numel())]
        p.grad = torch.tensor(waves, dtype=torch.float32).reshape(p.shape) + p.detach() / 2


def triangle(lr: float, start: float, peak: float, end: float) -> Callable[[int], float]:
    """Returns airbench's rate by step."""
    top = int(peak * STEPS)

    def rate(step: int) -> float:
        if step < top:
            return lr * (start + (1 - start) * step / top)
        return lr * (1 + (end - 1) * (step - top) / (STEPS - top))

    return rate


def run(optimizers: list[Any], parameters: Parameters, rate: Callable[[int], float], clip: float = 0) -> Any:
    """Trains; each group's rate is its initial one, relative to the first group's, times `rate`."""
    scales = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    for step in range(STEPS):
        set_gradients(parameters, step)
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters.values(), clip)
        for optimizer, lrs in zip(optimizers, scales, strict=True):
            for group, scale in zip(optimizer.param_groups, lrs, strict=True):
                group["lr"] = scale * rate(step)
            optimizer.step()
    return {name: p.detach().flatten().tolist() for name, p in parameters.items()}


def groups(parameters: Parameters, settings: Callable[[str], dict[str, float]]) -> list[dict[str, Any]]:
    """Returns a parameter group for each parameter."""
    return [{"params": [p], **settings(name)} for name, p in parameters.items()]


class Muon(torch.optim.Optimizer):
    """Muon of airbench94_muon.py."""

    def __init__(self, params: Any, lr: float, momentum: float, nesterov: bool) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "nesterov": nesterov})

    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                g = p.grad
                buf = self.state[p].setdefault("momentum_buffer", torch.zeros_like(g))
                buf.mul_(group["momentum"]).add_(g)
                g = g.add(buf, alpha=group["momentum"]) if group["nesterov"] else buf
                p.data.mul_(len(p.data) ** 0.5 / p.data.norm())
                update = zeropower(g.reshape(len(g), -1)).view(g.shape)
                p.data.add_(update, alpha=-group["lr"])


def zeropower(g: torch.Tensor, steps: int = 3, eps: float = 1e-7) -> torch.Tensor:
    """The Newton-Schulz iteration of airbench94_muon.py, in float32."""
    a, b, c = (3.4445, -4.7750, 2.0315)
    x = g / (g.norm() + eps)
    if g.size(0) > g.size(1):
        x = x.T
    for _ in range(steps):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if g.size(0) > g.size(1) else x


class Lars(torch.optim.Optimizer):
    """Algorithm 1 of You et al.; parameters with one axis have the global rate."""

    def __init__(self, params: Any, lr: float, momentum: float, decay: float, trust: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay, "trust": trust})

    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].setdefault("v", torch.zeros_like(p.data))
                decay, rate = (group["decay"], group["lr"]) if p.ndim > 1 else (0.0, group["lr"])
                if p.ndim > 1:
                    norm = p.data.norm()
                    rate = rate * group["trust"] * norm / (p.grad.norm() + decay * norm)
                v.mul_(group["momentum"]).add_(rate * (p.grad + decay * p.data))
                p.data.sub_(v)


def restarts(lr: float, first: int, factor: int) -> Callable[[int], float]:
    """Returns the rate by step of torch's CosineAnnealingWarmRestarts."""
    dummy = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(dummy, first, factor)
    rates = []
    for _ in range(STEPS):
        rates.append(scheduler.get_last_lr()[0])
        dummy.step()
        scheduler.step()
    return lambda step: rates[step]


def cases() -> list[dict[str, Any]]:
    """Returns each case's settings and the parameters after the last of two epochs of ten steps."""
    found = []

    def case(settings: dict[str, Any], values: Any) -> None:
        found.append({"settings": {"epochs": 2, **settings}, "values": values})

    p = initial()
    sgd = torch.optim.SGD(
        groups(
            p,
            lambda name: {
                "lr": (4 if name in NORMS else 1) * (0.5 if name.startswith("fc.") else 1),
                "weight_decay": 0.02 * (0.25 if name in NORMS else 1),
            },
        ),
        momentum=0.85,
        nesterov=True,
    )
    case(
        {
            "lr": 0.05, "momentum": 0.85, "nesterov": True, "weight_decay": 0.02, "decay_bias_and_norm": True,
            "lr_scales": "norm:4, head:0.5", "decay_scales": "norm:0.25", "schedule": "triangular",
            "triangle_start": 0.2, "triangle_peak": 0.23, "triangle_end": 0.07,
        },
        run([sgd], p, triangle(0.05, 0.2, 0.23, 0.07)),
    )  # fmt: skip

    p = initial()
    sgd = torch.optim.SGD(p.values(), lr=1, momentum=0.9)
    case({"lr": 0.1, "momentum": 0.9, "clip_norm": 0.5}, run([sgd], p, lambda step: 0.1, clip=0.5))

    p = initial()
    adamw = torch.optim.AdamW(
        groups(p, lambda name: {"lr": 1, "weight_decay": 0.1 if p[name].ndim > 1 else 0}), betas=(0.8, 0.95)
    )
    case(
        {
            "optimizer": "adamw", "lr": 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1,
            "schedule": "cosine",
        },
        run([adamw], p, lambda step: 0.02 * (1 + math.cos(math.pi * step / STEPS)) / 2),
    )  # fmt: skip

    p = initial()
    adam = torch.optim.Adam(
        groups(
            p, lambda name: {"lr": 3 if name == "conv2.weight" else 1, "weight_decay": 0.2 if p[name].ndim > 1 else 0}
        )
    )
    case(
        {"optimizer": "adam", "lr": 0.02, "weight_decay": 0.2, "lr_scales": "conv2:3", "schedule": "cosine"},
        run([adam], p, lambda step: 0.02 * (1 + math.cos(math.pi * step / STEPS)) / 2),
    )

    p = initial()
    muon = Muon([p[name] for name in FILTERS], 1, 0.6, nesterov=True)
    rest = {name: one for name, one in p.items() if name not in FILTERS}
    sgd = torch.optim.SGD(
        groups(
            rest, lambda name: {"lr": 0.2 if name in NORMS else 1, "weight_decay": 0.01 if name == "fc.weight" else 0}
        ),
        momentum=0.85,
        nesterov=True,
    )
    case(
        {
            "optimizer": "muon", "lr": 0.24, "momentum": 0.85, "nesterov": True, "weight_decay": 0.01,
            "lr_scales": "norm:0.2", "schedule": "triangular", "triangle_peak": 0,
        },
        run([muon, sgd], p, triangle(0.24, 0, 0, 0)),
    )  # fmt: skip

    p = initial()
    muon = Muon([p[name] for name in FILTERS], 1, 0.9, nesterov=False)
    sgd = torch.optim.SGD([one for name, one in p.items() if name not in FILTERS], lr=1, momentum=0.5)
    case(
        {"optimizer": "muon", "lr": 0.1, "momentum": 0.5, "muon_momentum": 0.9},
        run([muon, sgd], p, lambda step: 0.1),
    )

    p = initial()
    lars = Lars(p.values(), 1, 0.9, 0.01, 0.02)
    case(
        {
            "optimizer": "lars", "lr": 0.5, "momentum": 0.9, "weight_decay": 0.01, "lars_trust": 0.02,
            "schedule": "triangular",
        },
        run([lars], p, triangle(0.5, 0, 0.23, 0)),
    )  # fmt: skip

    p = initial()
    sgd = torch.optim.SGD(p.values(), lr=1)
    # at ten updates an epoch, a cycle of one epoch is torch's of ten steps
    case({"lr": 0.3, "schedule": "cosine-restarts", "restart_epochs": 1}, run([sgd], p, restarts(0.3, 10, 1)))
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({"shapes": SHAPES, "cases": cases()}, indent=1) + "\n", "utf-8")
