"""Reports of studies whose runs were not trained."""

import csv

import numpy as np
from study_folders import study_folder, write_gradients

from py_djl_resnet.study import report


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_table_has_means_and_deviations_at_fractions_of_the_run(tmp_path):
    accuracies = {
        ("plain20", 0): [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        ("plain20", 1): [0.2, 0.4, 0.5, 0.6, 0.7, 0.9],
        ("cifar-resnet20", 0): [0.3, 0.5, 0.6],
    }
    page = report(study_folder(tmp_path / "study", accuracies))
    table = [row for row in rows(page.parent / "table.csv") if row["published_epoch"]]
    # of 6 epochs, 50, 100 and 180 of 180 are 1.67, 3.33 and 6
    assert [row["epoch"] for row in table] == ["2", "3", "6"] * 2
    plain, residual = table[:3], table[3:]
    np.testing.assert_allclose([float(row["accuracy"]) for row in plain], [0.3, 0.4, 0.75])
    np.testing.assert_allclose([float(row["accuracy_deviation"]) for row in plain], np.sqrt([0.02, 0.02, 0.045]))
    assert [row["n"] for row in residual] == ["1", "1", "0"]
    assert [row["accuracy"] for row in residual] == ["0.5", "0.6", ""]
    assert residual[0]["accuracy_deviation"] == ""
    text = (page.parent / "report.md").read_text()
    assert "| plain20 | 0.3000 ± 0.1414 (2) | 0.4000 ± 0.1414 (3) | 0.7500 ± 0.2121 (6) | 2 runs |" in text
    assert "| cifar-resnet20 | 0.5000 (2) | 0.6000 (3) | - (6: not run) | 1 run |" in text
    assert "| cifar-resnet20, He et al. | - | - | 0.9125 | published |" in text
    assert "2 of 4 runs complete: 2 networks, 2 seeds (0, 1)." in text
    assert "cifar-resnet20 with seed 0 (3 of 6 epochs); cifar-resnet20 with seed 1 (not run)" in text


def test_loss_has_the_penalty_of_tensors_with_several_dimensions(tmp_path):
    folder = study_folder(tmp_path / "study", {("plain20", 0): [0.25, 0.5]}, networks=["plain20"], epochs=2, seeds=[0])
    norms = {
        step: {"global": (0, 9), "conv1.weight": (0, 2 * step), "bn1.weight": (0, 7), "fc.weight": (0, 3)}
        for step in (1, 2, 4)
    }
    shapes = {"conv1.weight": (4, 3, 3, 3), "bn1.weight": (4,), "fc.weight": (10, 4)}
    write_gradients(folder / "runs" / "plain20-seed0", norms, shapes)
    page = report(folder)
    table = rows(page.parent / "table.csv")
    # weight decay 0.5, two steps an epoch: of the weights at steps 1, 2 and 4
    expected = {epoch: 0.25 * ((2 * step) ** 2 + 9) for epoch, step in ((0, 1), (1, 2), (2, 4))}
    assert {row["epoch"] for row in table} == {"0", "1", "2"}
    for row in table:
        assert float(row["l2"]) == expected[int(row["epoch"])]
        if row["epoch"] != "0":
            entropy = {"1": 0.75, "2": 0.5}[row["epoch"]]
            assert float(row["cross_entropy"]) == entropy
            assert float(row["loss"]) == entropy + float(row["l2"])


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
