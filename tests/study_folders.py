"""Makes folders of studies whose runs were not trained."""

import json
import struct
from pathlib import Path

DEFINITION = {
    "title": "A small study",
    "networks": ["plain20", "cifar-resnet20"],
    "seeds": [0, 1],
    "epochs": 6,
    "settings": {"weight_decay": 0.5, "dataset": "cifar-10"},
    "sections": [{"kind": "table", "at": [50, 100, 180], "of": 180}, {"kind": "curves"}],
    "published": {"He et al.": {"cifar-resnet20": [None, None, 0.9125]}},
}


def study_folder(folder: Path, accuracies, **changes) -> Path:
    """Writes a study, and for each network and seed in `accuracies` a run with these test accuracies by epoch."""
    definition = DEFINITION | changes
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(definition))
    for (network, seed), values in accuracies.items():
        run_folder(folder / "runs" / f"{network}-seed{seed}", network, seed, values, definition)
    return folder


def run_folder(folder: Path, network: str, seed: int, accuracies, definition=DEFINITION) -> Path:
    """Writes a run of two steps an epoch, whose training loss is 1 less the test accuracy."""
    folder.mkdir(parents=True)
    settings = {**definition["settings"], "model": network, "seed": seed, "epochs": definition["epochs"]}
    (folder / "recipe.json").write_text(json.dumps(settings))
    lines = ["epoch,step,seconds,validation_seconds,examples_per_second,lr,"]
    lines[0] += "train_loss,train_accuracy,test_loss,test_accuracy"
    for epoch, accuracy in enumerate(accuracies, 1):
        lines.append(f"{epoch},{2 * epoch},1.0,0.5,100.0,0.1,{1 - accuracy},{accuracy},{1.5 - accuracy},{accuracy}")
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_gradients(folder: Path, norms, shapes) -> None:
    """Writes gradients.csv with `(gradient norm, weight norm)` by step and parameter, and a checkpoint of these shapes.

    The checkpoint has a header and no values.
    """
    lines = ["step,epoch,name,gradient_norm,weight_norm,update_ratio"]
    for step, by_name in norms.items():
        for name, (gradient, weight) in by_name.items():
            lines.append(f"{step},{(step + 1) // 2},{name},{gradient},{weight},0.5")
    (folder / "gradients.csv").write_text("\n".join(lines) + "\n")
    tensors = {name: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps({**tensors, "__metadata__": {}}).encode()
    (folder / "last.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
