"""Studies of autoencoders, and the section of their report."""

import csv
import json
import signal

import numpy as np
import pytest
from examples import without_times

from py_djl_resnet import Recipe, UsageError, train
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


def test_interrupted_study_resumes_to_the_same_runs(command, monkeypatch, tmp_path):
    definition = {
        "networks": ["vae-small"],
        "seeds": [0, 1],
        # long enough for a signal to arrive before the end
        "epochs": 16,
        "settings": {
            **{"dataset": "fashion-mnist", "image_size": 8, "limit": 96, "batch_size": 16, "latent_dim": 4},
            **{"objective": "bernoulli", "optimizer": "adam", "lr": 0.003},
        },
        "sections": [{"kind": "autoencoders"}],
    }
    (tmp_path / "mine.json").write_text(json.dumps(definition))

    def interrupted(recipe, **options):
        def stop(row):
            # a second signal would end the process
            if (recipe.seed, row["epoch"]) == (1, 1):
                signal.raise_signal(signal.SIGINT)

        return train(recipe=recipe, callback=stop, **options)

    with monkeypatch.context() as patch:
        patch.setattr("py_djl_resnet._study.running.train", interrupted)
        code, _, err = command("study", "run", "mine.json", "--out", "parts")
    assert code == 130
    assert "The study was interrupted by SIGINT in run 2 of 2: vae-small, seed 1." in err
    epochs = {seed: len(run.history) for seed, run in open_study(tmp_path / "parts").of("vae-small")}
    assert epochs[0] == 16 > epochs[1] >= 1
    first = tmp_path / "parts/runs/vae-small-seed0/last.safetensors"
    written = first.stat().st_mtime_ns
    code, _, err = command("study", "run", "mine.json", "--out", "parts")
    assert code == 0, err
    assert "1 of 2 runs are complete\n" in err
    assert first.stat().st_mtime_ns == written
    runs = [run for _, run in open_study(tmp_path / "parts").of("vae-small")]
    uninterrupted = train(recipe=runs[1].recipe, progress=False)
    assert without_times(runs[1].history) == without_times(uninterrupted.history)
    # the mean and the deviation of each run's best epoch
    best = [min(run.history, key=lambda row: row["validation_loss"]) for run in runs]
    (row,) = rows(tmp_path / "parts/report/autoencoders.csv")
    for column, metric in (
        ("train_loss", "train_loss"),
        ("validation_loss", "validation_loss"),
        ("kl", "validation_kl"),
    ):
        values = [epoch[metric] for epoch in best]
        assert float(row[column]) == pytest.approx(np.mean(values))
        assert float(row[f"{column}_deviation"]) == pytest.approx(np.std(values, ddof=1))
    assert (row["n"], float(row["epochs"])) == ("2", 16)
