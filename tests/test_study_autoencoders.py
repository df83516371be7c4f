"""The section of a study's report on autoencoders, of runs that were not trained."""

import csv
import json

import numpy as np
import pytest

from py_djl_resnet import Recipe, UsageError
from py_djl_resnet.study import open_study, read_study, report

NETWORKS = ["vae-resnet:0", "vae-resnet:1"]
PUBLISHED = {"Keng 2018": {"vae-resnet:0": {"hours": 79.2, "train_loss": 1790.4, "validation_loss": 1794.7}}}


def study_folder(folder, losses, **changes):
    """Writes a study, and for each network and seed in `losses` a run with these validation losses by epoch."""
    definition = {"networks": NETWORKS, "seeds": [0, 1], "epochs": 3, "sections": [{"kind": "autoencoders"}]}
    definition |= {"settings": {"objective": "keng2017"}, "published": PUBLISHED} | changes
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(definition))
    for (network, seed), values in losses.items():
        run = folder / "runs" / f"{network.replace(':', '-')}-seed{seed}"
        run.mkdir(parents=True)
        (run / "recipe.json").write_text(json.dumps({"model": network, "seed": seed, "epochs": 3}))
        lines = ["epoch,step,seconds,validation_seconds,examples_per_second,lr,train_loss,train_elbo,"]
        lines[0] += "validation_loss,validation_elbo,validation_kl"
        for epoch, loss in enumerate(values, 1):
            lines.append(f"{epoch},{epoch},3000,600,10,0.001,{loss - 5},{5 - loss},{loss},{-loss},{loss / 10}")
        (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_table_has_the_best_epoch_and_all_hours_beside_published_values(tmp_path):
    losses = {(NETWORKS[0], 0): [1900, 1800, 1850], (NETWORKS[0], 1): [1830], (NETWORKS[1], 0): [1700, 1600]}
    page = report(study_folder(tmp_path / "study", losses))
    first, second = rows(page.parent / "autoencoders.csv")
    assert (first["n"], second["n"]) == ("2", "1")
    # 3 and 1 epochs of an hour
    assert [float(first[key]) for key in ("epochs", "hours", "train_loss", "validation_loss", "kl")] == [
        *(2, 2, 1810, 1815),
        pytest.approx(181.5),
    ]
    np.testing.assert_allclose(float(first["validation_loss_deviation"]), np.sqrt(450))
    assert (second["validation_loss"], second["validation_loss_deviation"]) == ("1600.0", "")
    text = (page.parent / "report.md").read_text()
    assert "| vae-resnet:0, Keng 2018 | - | 79.2 | 1790.4 | 1794.7 | - | published |" in text
    assert "| vae-resnet:1 | 2 | 2.0 | 1595.0 | 1600.0 | 160.0 | 1 run |" in text


def test_network_that_was_not_run_has_dashes(tmp_path):
    page = report(study_folder(tmp_path / "study", {}))
    assert "| vae-resnet:1 | - | - | - | - | - | 0 runs |" in (page.parent / "report.md").read_text()


def test_run_that_stopped_early_is_complete(tmp_path):
    folder = study_folder(tmp_path / "study", {(NETWORKS[0], 0): [1900], (NETWORKS[1], 0): [1900]})
    (folder / "runs/vae-resnet-0-seed0/predictions.csv").write_text("")
    study = open_study(folder)
    assert [len(study.complete(network)) for network in NETWORKS] == [1, 0]


@pytest.mark.parametrize("values", [[1.0], {"hours": "many"}, {"accuracy": 1.0}])
def test_published_values_are_checked(tmp_path, values):
    file = tmp_path / "mine.json"
    sections = [{"kind": "autoencoders"}]
    file.write_text(json.dumps({"networks": NETWORKS, "sections": sections, "published": {"x": {NETWORKS[0]: values}}}))
    with pytest.raises(UsageError, match=r"vae-resnet:0 must be an object of numbers\. Received: .* Allowed: epochs, "):
        read_study(file)


def test_study_of_depths_has_the_published_recipe():
    study = read_study("vae-depths")
    assert [study.recipe(network, 0).replace(model="vae-resnet:0") for network in study.networks] == [
        Recipe.from_file("keng2017")
    ] * 4
    assert study.published["Keng 2018"]["vae-resnet:3"]["validation_loss"] == 1804.0
