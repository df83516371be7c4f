"""What is measured, by whom, and what must be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OURS = ("ours", "ours-bfloat16")
EAGER = ("eager", "autocast", "autocast-last")
COMPILED = ("compiled", "compiled-autocast")

#: The contenders' names for readers.
CONTENDERS = {
    "ours": "py_djl_resnet, float32",
    "ours-bfloat16": "py_djl_resnet, bfloat16",
    "eager": "PyTorch, eager float32",
    "autocast": "PyTorch, autocast",
    "autocast-last": "PyTorch, autocast, channels-last",
    "compiled": "torch.compile, float32",
    "compiled-autocast": "torch.compile, autocast",
}

#: The ratios: a contender over the best of some others.
RATIOS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "float32 / eager": ("ours", ("eager",)),
    "bfloat16 / eager": ("ours-bfloat16", ("eager",)),
    "bfloat16 / best autocast": ("ours-bfloat16", ("autocast", "autocast-last")),
    "float32 / compiled": ("ours", ("compiled",)),
    "bfloat16 / compiled autocast": ("ours-bfloat16", ("compiled-autocast",)),
}


def bounds(*least: float) -> dict[str, float]:
    """Returns the least values of the first ratios."""
    return dict(zip(RATIOS, least, strict=False))


@dataclass(frozen=True)
class Work:
    """A row of the table.

    Args:
        title: the work for readers.
        bounds: the least value of each ratio that has one.
        contenders: who does it.
        model: the network.
        dataset: a data set, resized to `size`.
        size: height and width of the network's input.
        batch_size: examples per step.
        batches: steps in an epoch, or calls, unless scaled.
        busy: whether another process keeps one core busy.
        milliseconds: whether the values are milliseconds, less being better, and not examples per second.
    """

    title: str
    bounds: Mapping[str, float] = field(default_factory=dict)
    contenders: tuple[str, ...] = (*OURS, *EAGER, *COMPILED)
    model: str = "d2l-resnet18"
    dataset: str = "fashion-mnist"
    size: int = 28
    batch_size: int = 256
    batches: int = 20
    busy: bool = False
    milliseconds: bool = False

    def limit(self, scale: float) -> int:
        """Returns the examples of an epoch, in full batches."""
        return self.batch_size * max(1, round(self.batches * scale))


FLOAT32 = ("ours", "eager")

#: The rows of the table. Each is measured by the part of its name; `evaluate28` comes with `train28`.
WORKS = {
    "train28": Work("training, 28×28, batch 256", bounds(1.6, 2.2, 1.4)),
    "train96": Work("training, 96×96, batch 64", bounds(1.1, 1.9, 1.1), size=96, batch_size=64, batches=10),
    "resnet50": Work(
        "training `resnet50`, 224×224, batch 8",
        bounds(1.2, 2.1, 1.05),
        model="resnet50",
        dataset="cifar-10",
        size=224,
        batch_size=8,
        batches=12,
    ),
    "cifar20": Work(
        "training `cifar-resnet20`, 32×32, batch 128",
        bounds(1.4, 2.0, 1.0),
        model="cifar-resnet20",
        dataset="cifar-10",
        size=32,
        batch_size=128,
        batches=24,
    ),
    "small28": Work("training, 28×28, batch 32", bounds(1.2), FLOAT32, batch_size=32, batches=50),
    "small56": Work("training, 56×56, batch 32", bounds(1.2), FLOAT32, size=56, batch_size=32, batches=25),
    "evaluate28": Work("evaluation, 28×28, batch 256", bounds(1.8, 2.5)),
    "latency": Work(
        "`model(x)` of one image, 28×28, ms",
        bounds(2.2),
        (*OURS, "eager", "compiled"),
        batch_size=1,
        batches=3000,
        milliseconds=True,
    ),
    "busy": Work("training, 28×28, batch 256, a busy process on a core", bounds(1.8), FLOAT32, batches=4, busy=True),
}

#: What is told below the table: the contenders, the unit, and the greatest value of ours.
FACTS = {
    "peak": ("Peak memory, training at 28×28", (*OURS, "eager"), "MB", 699),
    "first_batch": ("From command to first batch", FLOAT32, "s", 1.5),
    "optimizer": ("Optimizer with momentum and weight decay, share of a step", OURS, "%", 3),
    "chapter": ("The book's loop with DJL's own parts, training at 28×28", ("book",), "examples/s", None),
}

#: The parts that can be chosen; a part measures one row or more.
PARTS = (*(key for key in WORKS if key != "evaluate28"), "first_batch", "optimizer", "chapter")
