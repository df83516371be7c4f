"""Reports of studies whose runs were not trained."""

import csv
import json

import numpy as np
import pytest
from study_folders import run_folder, study_folder, write_gradients

from py_djl_resnet import Run, create_model
from py_djl_resnet._study.norms import PLAIN_LEAF, Recorded, panels
from py_djl_resnet._study.sections.gradients import norms_section
from py_djl_resnet.study import available, read_study, report


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_table_has_means_and_deviations_at_fractions_of_the_run(tmp_path):
    accuracies = {
        ("plain20", 0): [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        ("plain20", 1): [0.2, 0.4, 0.5, 0.6, 0.7, 0.9],
        ("cifar-resnet20", 0): [0.3, 0.5, 0.6],
        ("cifar-resnet20", 1): [0.2, 0.4],
    }
    page = report(study_folder(tmp_path / "study", accuracies))
    table = [row for row in rows(page.parent / "table.csv") if row["published_epoch"]]
    # of 6 epochs, 50, 100 and 180 of 180 are 1.67, 3.33 and 6
    assert [row["epoch"] for row in table] == ["2", "3", "6"] * 2
    plain, residual = table[:3], table[3:]
    np.testing.assert_allclose([float(row["accuracy"]) for row in plain], [0.3, 0.4, 0.75])
    np.testing.assert_allclose([float(row["accuracy_deviation"]) for row in plain], np.sqrt([0.02, 0.02, 0.045]))
    assert [row["n"] for row in residual] == ["2", "1", "0"]
    assert [row["accuracy"] for row in residual] == ["0.45", "0.6", ""]
    assert residual[1]["accuracy_deviation"] == ""
    text = (page.parent / "report.md").read_text()
    assert "| plain20 | 0.3000 ± 0.1414 (2) | 0.4000 ± 0.1414 (3) | 0.7500 ± 0.2121 (6) | 2 runs |" in text
    assert "| cifar-resnet20 | 0.4500 ± 0.0707 (2) | 0.6000 (3, n = 1) | - (6: not run) | 2 runs |" in text
    assert "\nTrained: plain20 6 epochs, n = 2. Unfinished: cifar-resnet20, n = 2.\n" in text
    assert "| cifar-resnet20, He et al. | - | - | 0.9125 | published |" in text
    assert "2 of 4 runs complete: 2 networks, 2 seeds (0, 1)." in text
    assert "cifar-resnet20 with seed 0 (3 of 6 epochs); cifar-resnet20 with seed 1 (2 of 6 epochs)" in text


@pytest.mark.parametrize(
    ("settings", "fixed"),
    [
        ({}, 9),
        # the scale of batch normalization, too
        ({"decay_bias_and_norm": True}, 9 + 49),
        ({"optimizer": "adam"}, 9),
        *(
            ({key: value}, None)
            for key, value in (("optimizer", "adamw"), ("optimizer", "muon"), ("decay_scales", "fc:0"))
        ),
    ],
)
def test_loss_has_the_penalty_of_tensors_that_decay(tmp_path, settings, fixed):
    folder = study_folder(
        tmp_path / "study",
        {("plain20", 0): [0.25, 0.5]},
        networks=["plain20"],
        epochs=2,
        seeds=[0],
        published={},
        settings={"weight_decay": 0.5} | settings,
    )
    norms = {
        step: {"global": (0, 9), "conv1.weight": (0, 2 * step), "bn1.weight": (0, 7), "fc.weight": (0, 3)}
        for step in (1, 2, 4)
    }
    shapes = {"conv1.weight": (4, 3, 3, 3), "bn1.weight": (4,), "fc.weight": (10, 4)}
    write_gradients(folder / "runs" / "plain20-seed0", norms, shapes)
    page = report(folder)
    table = rows(page.parent / "table.csv")
    curves = rows(page.parent / "curves.csv")
    if fixed is None:
        assert {row["l2"] for row in table} == {""}
        assert "l2" not in curves[0]
        return
    # weight decay 0.5, two steps an epoch: of the weights at steps 1, 2 and 4
    expected = {epoch: 0.25 * ((2 * step) ** 2 + fixed) for epoch, step in ((0, 1), (1, 2), (2, 4))}
    assert {row["epoch"] for row in table} == {"0", "1", "2"}
    for row in table:
        assert float(row["l2"]) == expected[int(row["epoch"])]
        if row["epoch"] != "0":
            entropy = {"1": 0.75, "2": 0.5}[row["epoch"]]
            assert float(row["cross_entropy"]) == entropy
            assert float(row["loss"]) == entropy + float(row["l2"])
    assert (page.parent / "curves.csv").read_text().splitlines()[0].endswith(",test_accuracy,l2,loss")
    by_epoch = [[float(row[name]) for name in ("epoch", "train_loss", "l2", "loss")] for row in curves]
    assert by_epoch == [[1, 0.75, expected[1], 0.75 + expected[1]], [2, 0.5, expected[2], 0.5 + expected[2]]]


def test_early_epochs_of_a_short_run_are_its_first(tmp_path):
    folder = study_folder(
        tmp_path / "study",
        {("plain20", 0): [0.5] * 6},
        published={},
        sections=[{"kind": "table", "at": [1], "of": 180}],
    )
    table = rows(report(folder).parent / "table.csv")
    assert [(row["published_epoch"], row["epoch"], row["accuracy"]) for row in table][1] == ("1", "1", "0.5")


def test_table_says_which_networks_were_not_trained(tmp_path):
    page = report(study_folder(tmp_path / "study", {("plain20", 0): [0.5] * 6}, published={}))
    text = (page.parent / "report.md").read_text()
    assert "\nTrained: plain20 6 epochs, n = 1. Not trained: cifar-resnet20.\n" in text


def test_page_contains_figures_and_tables(tmp_path):
    page = report(study_folder(tmp_path / "study", {("plain20", 0): [0.5, 0.75]}))
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 1
    assert text.count("data:text/csv;base64,") == 2
    assert '<td class="right">0.7500 (2)</td>' in text
    assert "http" not in text
    first = {file.name: file.read_bytes() for file in page.parent.iterdir()}
    report(tmp_path / "study")
    assert {file.name: file.read_bytes() for file in page.parent.iterdir()} == first


def gradient_study(tmp_path):
    """A study of a plain and a residual network with recorded gradients of 40 steps."""
    networks = ["study-plain20", "study-resnet20"]
    folder = study_folder(
        tmp_path / "study",
        {(network, 0): [0.5, 0.75] for network in networks},
        networks=networks,
        epochs=2,
        seeds=[0],
        sections=[{"kind": "gradients", "steps": [1, "last"]}],
        published={},
    )
    names = ("conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.bn1.bias", "fc.weight")
    shapes = {name: (4, 3) if "bn" not in name else (4,) for name in names}
    for number, network in enumerate(networks, 1):
        norms = {
            step: {name: (number * (place + 1) / step, 1) for place, name in enumerate(("global", *names))}
            for step in range(1, 41)
        }
        write_gradients(folder / "runs" / f"{network}-seed0", norms, shapes)
    return folder


def test_published_gradient_is_another_parameter_for_each_kind_of_network(tmp_path):
    page = report(gradient_study(tmp_path))
    curves = {}
    for row in rows(page.parent / "gradients.csv"):
        values = curves.setdefault((row["curve"], row["network"]), {})
        values[int(row["step"])] = float(row["gradient_norm"])
    # the bias is the fifth of the parameters, the kernel of the first convolution the first
    bias, kernel = curves["layer1.0.bn1.bias", "study-plain20"], curves["conv1.weight (stem)", "study-resnet20"]
    assert bias == {step: 6 / step for step in range(1, 41)}
    assert kernel == {step: 4 / step for step in range(1, 41)}
    assert curves["published", "study-plain20"] == {step: bias[step] for step in range(21, 41)}
    assert curves["published", "study-resnet20"] == {step: kernel[step] for step in range(31, 41)}
    assert curves["layer1.0.bn1.bias", "study-resnet20"][1] == 12
    assert curves["global", "study-resnet20"][1] == 2
    text = (page.parent / "report.md").read_text()
    assert "**These are two different parameters:** the bias of the second batch normalization" in text
    assert f"(`{PLAIN_LEAF}`, 16 numbers)" in text
    assert "(`conv1.weight`, 432 numbers for colour images)" in text
    assert "| study-plain20 | 2 | 1 | 1 | 1 |" in text


def test_published_parameters_have_the_sizes_that_the_note_states(jvm):
    with create_model("study-plain20") as plain, create_model("study-resnet20") as residual:
        assert plain.state_dict()[PLAIN_LEAF].size == 16
        assert residual.state_dict()["conv1.weight"].size == 432


def test_gradients_by_depth_are_those_of_layers(tmp_path):
    page = report(gradient_study(tmp_path))
    found = [row for row in rows(page.parent / "depth.csv") if row["network"] == "study-plain20"]
    assert [(row["step"], row["layer"], row["name"]) for row in found] == [
        (step, str(layer), name)
        for step in ("1", "40")
        for layer, name in enumerate(("conv1.weight", "layer1.0.conv1.weight", "fc.weight"), 1)
    ]
    np.testing.assert_allclose([float(row["gradient_norm"]) for row in found], [2, 5, 7, 0.05, 0.125, 0.175])


def test_gradients_by_depth_name_the_recorded_steps(tmp_path):
    runs = []
    for label, steps in (("a", (30, 60)), ("b", (20, 2000))):
        folder = run_folder(tmp_path / label, "plain20", 0, [0.5])
        write_gradients(folder, {step: {"global": (step, 1), "fc.weight": (step, 1)} for step in steps}, {})
        run = Run.open(folder)
        runs.append(Recorded(label, run, run.gradients))
    for these, titles in (
        (runs[:1], ["step 30", "last: step 60"]),
        (runs, ["steps 20 to 30", "steps 20 to 60", "last: steps 60 to 2,000"]),
    ):
        section = norms_section(these, ["global"], [1, 10, 100, 100000, "last"])
        assert [axes.get_title() for axes in section.figures["depth.png"](None).axes] == titles
    table = csv.DictReader(section.tables["depth.csv"].splitlines())
    steps = [(row["network"], int(row["step"]), float(row["gradient_norm"])) for row in table]
    assert steps == [("a", 30, 30), ("b", 20, 20), ("a", 60, 60), ("b", 20, 20), ("a", 60, 60), ("b", 2000, 2000)]


@pytest.mark.parametrize("names", [["stem", "published"], ["published", "stem"], ["stem", "bn.weight", "stem"]])
def test_panel_of_the_first_layers_has_every_run(tmp_path, names):
    runs = []
    for number, leaf in enumerate(("layer1.0.bn1.bias", "bn.weight")):
        folder = run_folder(tmp_path / leaf, "plain20", number, [0.5])
        norms = {name: (place + 10 * number, 1) for place, name in enumerate(("global", "conv1.weight", leaf))}
        write_gradients(folder, dict.fromkeys(range(1, 41), norms), {})
        run = Run.open(folder)
        runs.append(Recorded(leaf, run, run.gradients))
    found = panels(runs, names)
    stem = [(label, set(values)) for label, _, values in found.pop("conv1.weight (stem)")]
    assert stem == [("layer1.0.bn1.bias", {1}), ("bn.weight", {11})]
    # the other panels have the runs with their parameters
    assert {len(curves) for curves in found.values()} == {1}


def test_gradients_of_any_runs_are_reported(command, tmp_path):
    folder = gradient_study(tmp_path)
    runs = [folder / "runs" / f"study-{kind}20-seed0" for kind in ("plain", "resnet")]
    code, out, err = command(
        "study", "gradients", *runs, "--names", "stem,bn1.bias", "--steps", "1,30,last", "--out", "g"
    )
    assert (code, out, err) == (0, "report: g/report.html\n", "")
    table = rows(tmp_path / "g" / "gradients.csv")
    assert {row["curve"] for row in table} == {"conv1.weight (stem)", "bn1.bias"}
    assert {row["network"] for row in table} == {"study-plain20-seed0", "study-resnet20-seed0"}
    assert {file.name for file in (tmp_path / "g").iterdir()} == {
        *("report.md", "report.html", "gradients.csv", "depth.csv", "gradients.png", "depth.png")
    }


def test_gradients_replace_their_own_report_only(command, rejected, tmp_path):
    run = gradient_study(tmp_path) / "runs" / "study-plain20-seed0"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "gradients.csv").write_text("mine")
    code, line = rejected("study", "gradients", run, "--out", mine)
    assert (code, line.partition(". ")[0]) == (
        2,
        f"Folder {mine} is not empty, and holds no earlier report of gradients",
    )
    assert (mine / "gradients.csv").read_text() == "mine"
    for _ in range(2):
        code, _, err = command("study", "gradients", run, "--out", tmp_path / "g")
        assert (code, err) == (0, "")


def test_gradients_need_records_and_known_names(rejected, tmp_path):
    run = gradient_study(tmp_path) / "runs" / "study-plain20-seed0"
    code, line = rejected("study", "gradients", run, "--names", "conv2.weight")
    assert (code, line) == (
        2,
        "No gradients of this name were recorded. Received: 'conv2.weight'. Did you mean 'conv1.weight'? Allowed: "
        "global, stem, published, conv1.weight, bn1.weight, bn1.bias, layer1.0.conv1.weight, layer1.0.bn1.bias, "
        "fc.weight.",
    )
    code, line = rejected("study", "gradients", run, "--steps", "1,x")
    assert line == "--steps must be whole numbers or last. Received: 'x'. Allowed: 1,10,last."
    (run / "gradients.csv").unlink()
    code, line = rejected("study", "gradients", run)
    assert line == f"Run {run} has no gradients. Repeat it with --debug-gradients 100."


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"network": ["a"]}, "Unknown key. Received: 'network'. Allowed: title, source, recipe, settings, networks, "),
        (
            {},
            '"networks" must be a list of names, at least 1. Received: None. Allowed: such as ["plain20", "cifar-resn',
        ),
        ({"networks": ["a", "a"]}, "\"networks\" must not repeat. Received: ['a', 'a']."),
        ({"networks": ["a"], "seeds": [-1]}, "Received: [-1]. Allowed: such as [0, 1, 2]."),
        ({"networks": ["a"], "sections": "table"}, 'Received: \'table\'. Allowed: such as [{"kind": "table"}].'),
        ({"networks": ["a"], "epochs": {"b": 1}}, "\"epochs\" has another network. Received: 'b'. Allowed: a."),
        ({"networks": ["a"], "epochs": 1.5}, '"epochs" of a must be a whole number of at least '),
        ({"networks": ["a"], "settings": {"seed": 1}}, '"settings" must not have "seed". Use "seeds" of the study.'),
        ({"networks": ["a"], "settings": {"rate": 1}}, "settings: Unknown setting. Received: 'rate'. "),
        ({"networks": ["a"], "recipe": "studi"}, "Unknown recipe. Received: 'studi'. Did you mean 'study'? "),
        (
            {"networks": ["a"], "sections": [{"kind": "tabel"}]},
            "Unknown kind of section. Received: 'tabel'. Did you mean 'table'? Allowed: table, curves, ",
        ),
        (
            {"networks": ["a"], "sections": [{"kind": "table", "from": 1}]},
            "Unknown option of the section table. Received: 'from'.",
        ),
        (
            {"networks": ["a"], "published": {"x": {"b": [1]}}},
            "\"published\" has another network. Received: 'b'. Allowed: a.",
        ),
        (
            {"networks": ["a"], "published": {"x": {"a": ["b"]}}},
            'section table: "published" of a must have a number or null for each epoch of the section table, 1. '
            "Received: ['b'].",
        ),
        *(
            ({"networks": ["a"], "sections": [section]}, f"section {section['kind']}: {message}")
            for section, message in (
                ({"kind": "table", "at": [True]}, '"at" must be a whole number. Received: True.'),
                ({"kind": "table", "at": 5}, '"at" must be a list of epochs. Received: 5.'),
                ({"kind": "table", "at": [5], "of": 4}, '"of" must be a whole number. Received: 4. Allowed: 5 to '),
                (
                    {"kind": "table", "metric": "accuracy"},
                    "Unknown metric. Received: 'accuracy'. Did you mean 'test_accuracy'? Allowed: train_loss, ",
                ),
                ({"kind": "curves", "metric": 1}, "metric must be a string. Received: 1."),
                ({"kind": "gradients", "steps": [0]}, "steps must be whole numbers or last. Received: 0. Allowed: "),
                ({"kind": "gradients", "steps": []}, "steps must have at least 1 step. Received: []."),
                (
                    {"kind": "gradients", "names": "stem"},
                    "names must be a list of names, at least 1. Received: 'stem'.",
                ),
                ({"kind": "landscapes", "pairs": [["b"]]}, '"pairs" has a network that the study does not train. Rec'),
                ({"kind": "curves", "name": "a.b"}, "name must be letters, digits and hyphens. Received: 'a.b'."),
            )
        ),
        (
            {"networks": ["a"], "sections": [{"kind": "table"}, {"kind": "curves"}, {"kind": "table"}]},
            "Two sections of the kind table would write the same files. Received: no name twice. Give one of them "
            'another "name".',
        ),
    ],
)
def test_wrong_study_files_are_rejected(rejected, tmp_path, form, message):
    (tmp_path / "mine.json").write_text(json.dumps(form))
    code, line = rejected("study", "run", "mine.json")
    assert code == 2
    assert message in line
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize(("option", "value"), [("--epochs", 5), ("--limit", 9), ("--jobs", 4)])
def test_options_of_training_are_rejected_for_a_study_that_trains_nothing(rejected, tmp_path, option, value):
    code, line = rejected("study", "run", "balduzzi2017", option, value)
    assert (code, line) == (2, f"{option} needs a study that trains networks. Received: balduzzi2017. Omit it.")
    assert not (tmp_path / "studies").exists()


def test_unknown_study_and_folder_are_rejected(rejected, tmp_path):
    code, line = rejected("study", "run", "cifar10-residal")
    assert code == 2
    assert line.startswith("Unknown study. Received: 'cifar10-residal'. Did you mean 'cifar10-residual'? Give a JSON ")
    assert rejected("study", "report", tmp_path)[1] == (
        f"study folder {tmp_path} has no study.json. Give a folder that study run wrote."
    )


def test_bundled_studies_are_listed(command):
    code, out, _ = command("study", "list")
    assert code == 0
    assert "cifar10-residual" in out
    names = ["balduzzi2017", "cifar10-residual", "veit2016", "vae-depths"]
    assert [study["name"] for study in available()] == sorted(names)
    study = read_study("cifar10-residual")
    # as published: test accuracy after 50, 100 and 180 epochs
    assert study.published["study"] == {
        "study-plain20": [0.8720, 0.8808, 0.8860],
        "study-resnet20": [0.8861, 0.8881, 0.8985],
        "study-plain56": [0.7702, 0.8616, 0.8602],
        "study-resnet56": [0.8865, 0.9174, 0.9201],
    }
    assert study.sections[0] == {"kind": "table", "at": [50, 100, 180], "of": 180}
    assert study.epochs == dict.fromkeys(study.networks, 180)
    recipe = study.recipe("study-plain56", 3)
    assert (recipe.model, recipe.seed, recipe.epochs, recipe.batch_size) == ("study-plain56", 3, 180, 128)
    assert (recipe.lr, recipe.momentum, recipe.nesterov, recipe.weight_decay) == (0.1, 0.9, True, 1e-4)
    assert list(recipe.augment) == ["crop:4", "flip"]
    assert recipe.normalize_by == "0.4914,0.4822,0.4465/0.2470,0.2435,0.2616"
