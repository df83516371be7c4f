"""Sections of a study that measure networks when the report is written."""

import csv
import json
import shutil

import pytest

from py_djl_resnet import UsageError
from py_djl_resnet.study import report, run_study

SHATTERING = {"kind": "shattering", "points": 8, "networks": ["fashion-net"]}
LESIONS = {"kind": "lesions", "delete": [1], "shuffle": [1], "draws": 2, "limit": 20}


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def study_file(folder, sections, **changes):
    form = {"networks": ["fashion-net"], "seeds": [0, 1], "epochs": 0, "sections": sections} | changes
    file = folder / "mine.json"
    file.write_text(json.dumps(form))
    return file


def test_study_without_training_measures_at_initialization(jvm, tmp_path):
    runs = run_study(study_file(tmp_path, [SHATTERING]), tmp_path / "study", progress=False)
    assert runs.by_run == {}
    page = report(tmp_path / "study")
    table = rows(page.parent / "shattering.csv")
    assert [(row["model"], row["seed"]) for row in table[::3]] == [
        ("fashion-net", "0"),
        ("fashion-net", "1"),
        ("white", ""),
        ("brown", ""),
    ]
    assert not (tmp_path / "study" / "runs").exists()
    text = (page.parent / "report.md").read_text()
    assert "| fashion-net | 2 |" in text
    assert "## Runs" not in text


def test_killed_measurement_resumes_to_the_same_report(jvm, tmp_path):
    run_study(study_file(tmp_path, [SHATTERING]), tmp_path / "study", progress=False)
    page = report(tmp_path / "study")
    complete = files(page.parent)
    file = tmp_path / "study" / "shattering.json"
    form = json.loads(file.read_text())
    # as after the first row; a mark shows that it is not measured again
    form["result"] = None
    form["rows"] = [form["rows"][0] | {"mark": 1}]
    file.write_text(json.dumps(form))
    report(tmp_path / "study")
    assert files(page.parent) == complete
    assert [row.get("mark") for row in json.loads(file.read_text())["rows"]] == [1, None]
    file.write_text("damaged")
    report(tmp_path / "study")
    assert files(page.parent) == complete


@pytest.fixture(scope="module")
def trained_study(jvm, tmp_path_factory):
    """A study of a run of one epoch."""
    folder = tmp_path_factory.mktemp("lesions")
    settings = {"dataset": "fashion-mnist", "limit": 64, "batch_size": 32}
    definition = study_file(folder, [LESIONS], networks=["plain20"], seeds=[0], epochs=1, settings=settings)
    run_study(definition, folder / "study", progress=False)
    report(folder / "study")
    return folder / "study"


def test_lesions_of_complete_runs_are_measured(trained_study):
    table = rows(trained_study / "report" / "lesions.csv")
    assert [row["kind"] for row in table] == ["none"] + ["block"] * 7 + ["delete"] * 2 + ["shuffle"] * 2
    assert {row["network"] for row in table} == {"plain20"}
    text = (trained_study / "report" / "report.md").read_text()
    assert "| plain20 | 1 block left out | 2 |  |" in text
    assert "![Test error without each block (left)" in text


def test_lesions_resume_and_follow_the_checkpoint(trained_study, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(trained_study, folder)
    complete = files(folder / "report")
    file = folder / "runs" / "plain20-seed0" / "lesions.json"
    form = json.loads(file.read_text())
    form["rows"], form["result"] = form["rows"][:3], None
    file.write_text(json.dumps(form))
    report(folder)
    assert files(folder / "report") == complete
    # of another checkpoint, nothing is kept
    form["settings"]["checkpoint"] = "00000000"
    form["rows"][0]["loss"] = 7.0
    file.write_text(json.dumps(form))
    report(folder)
    assert files(folder / "report") == complete


def test_incomplete_runs_are_not_measured(trained_study, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(trained_study, folder)
    shutil.rmtree(folder / "runs")
    page = report(folder)
    assert "No run is complete yet." in (page.parent / "report.md").read_text()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (SHATTERING | {"points": 2}, r"section shattering: points must be a whole number\. Received: 2\. Allowed: 8"),
        (SHATTERING | {"seeds": [1, 1]}, r"section shattering: seeds must not repeat\. Received: '1' twice\."),
        (
            SHATTERING | {"name": "a/b"},
            r"section shattering: name must be letters, digits and hyphens\. Received: 'a/b'",
        ),
        (LESIONS | {"delete": 3}, r"section lesions: delete must be whole numbers such as \[1, 2, 3\]\. Received: 3\."),
        (LESIONS | {"draws": 0}, r"section lesions: draws must be a whole number\. Received: 0\."),
    ],
)
def test_wrong_options_are_rejected_before_anything_is_written(tmp_path, section, message):
    with pytest.raises(UsageError, match=message):
        run_study(study_file(tmp_path, [section]), tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()
