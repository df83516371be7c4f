"""Which of our settings pytorch_recipe.py follows, and its learning rate. Needs no torch."""

from __future__ import annotations

import math
import re
from typing import Any

Recipe = dict[str, Any]

#: The settings that are followed with every value, and those that cannot change accuracy.
FOLLOWED = {"epochs", "batch_size", "lr", "momentum", "nesterov", "weight_decay", "decay_bias_and_norm"}
FOLLOWED |= {"normalize", "normalize_by", "label_smoothing", "ema_decay", "warmup_epochs", "image_size"}
FOLLOWED |= {"step_epochs", "step_at", "step_factor"}
FOLLOWED |= {"triangle_start", "triangle_peak", "triangle_end", "precision", "seed", "drop_last", "limit"}
IRRELEVANT = {"data_dir", "engine", "device", "threads", "compile", "checkpoint_every", "keep", "profile"}

NAME = "(weight|bias|norm|head|body|whiten)"

#: The settings that are followed with some values: the forms of each of their parts.
FORMS = {
    "model": r"d2l-resnet18|cifar-resnet(20|56)|study-resnet56|resnet50|(fashion-net|airbench94)(\+width_(1\.5|2))?",
    "dataset": "fashion-mnist|cifar-10",
    "augment": r"flip|alternating-flip|(crop|translate):\d+|erase:[\d.]+:\d+-\d+",
    "schedule": "constant|step|cosine|triangular|one-cycle",
    "lr_scales": f"{NAME}:.+",
    "decay_scales": f"{NAME}:.+",
    "freeze": rf"{NAME}(:\d+-?)?",
    "lookahead": r"airbench:\d+",
}


def parts(value: Any) -> list[str]:
    """Returns the parts of a list, or of a text with commas."""
    return re.split(" *, *", value) if isinstance(value, str) else list(value or ())


def check(recipe: Recipe, defaults: Recipe, source: str = "the recipe") -> None:
    """Ends the program if a complete recipe has a setting that PyTorch would not follow."""
    others = recipe.keys() - FOLLOWED - FORMS.keys() - IRRELEVANT
    wrong = [f"{name} {recipe[name]}" for name in sorted(others) if recipe[name] != defaults[name]]
    for name, form in FORMS.items():
        wrong += [f"{name} {part}" for part in parts(recipe[name]) if not re.fullmatch(form, part)]
    if wrong:
        raise SystemExit(f"{source}: pytorch_recipe.py does not follow {', '.join(wrong)}.")


def steps_per_epoch(recipe: Recipe, examples: int) -> int:
    """Returns the number of batches; by default, the last is dropped if it is too small for batch normalization."""
    size = recipe["batch_size"]
    rest = examples % size
    small = rest < min(16, size / 2) and rest < examples
    drops = rest == 1 or (small if recipe["drop_last"] is None else recipe["drop_last"])
    return examples // size + (rest > 0 and not drops)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Returns the learning rate of a step, by the definitions of our schedules."""
    per_epoch = steps // recipe["epochs"]
    warm = recipe["warmup_epochs"] * per_epoch
    if step < warm:
        return float(recipe["lr"]) * (step + 1) / warm
    t, total = step - warm, steps - warm
    match recipe["schedule"]:
        case "constant":
            factor = 1.0
        case "step" if recipe["step_at"]:
            drops = sum(math.floor(float(at) * steps + 0.5) <= step for at in parts(recipe["step_at"]))
            factor = recipe["step_factor"] ** drops
        case "step":
            factor = recipe["step_factor"] ** (step // per_epoch // recipe["step_epochs"])
        case "cosine":
            factor = (1 + math.cos(math.pi * t / total)) / 2
        case "one-cycle":
            top = 0.3 * total - 1
            rising, part = t <= top, t / top if t <= top else (t - top) / (total - 1 - top)
            begin, end = (1 / 25, 1) if rising else (1, 1 / 250_000)
            factor = end + (begin - end) * (1 + math.cos(math.pi * part)) / 2
        case "triangular":
            start, end = recipe["triangle_start"], recipe["triangle_end"]
            top = math.floor(recipe["triangle_peak"] * total)
            factor = start + (1 - start) * t / top if t < top else 1 + (end - 1) * (t - top) / (total - top)
    return float(recipe["lr"] * factor)
