"""Sections of a study that measure networks when the report is written."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from py_djl_resnet import UsageError
from py_djl_resnet.study import report, run_study

SHATTERING = {"kind": "shattering", "points": 8, "networks": ["fashion-net"]}
LESIONS = {"kind": "lesions", "delete": [1], "shuffle": [1], "draws": 2, "limit": 20}


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def rows_of(file, column):
    return [row[column] for row in rows(file)]


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
    lines = []
    page = report(tmp_path / "study", announce=lines.append)
    assert [line.split(" at lag")[0].rpartition(" ")[0] for line in lines] == [
        f"fashion-net, seed {seed}: autocorrelation" for seed in (0, 1)
    ]
    complete = files(page.parent)
    file = tmp_path / "study" / "shattering.json"
    form = json.loads(file.read_text())
    # as after the first row; a mark shows that it is not measured again
    form["rows"] = [form["rows"][0] | {"mark": 1}]
    file.write_text(json.dumps(form))
    report(tmp_path / "study", announce=lines.append)
    assert files(page.parent) == complete
    assert [row.get("mark") for row in json.loads(file.read_text())["rows"]] == [1, None]
    assert lines[2:] == lines[1:2]


@pytest.mark.parametrize(
    ("section", "networks"),
    [(SHATTERING | {"networks": ["fashion-nets"]}, ["fashion-net"]), ({"kind": "table"}, ["fashion-nets"])],
)
def test_network_that_is_only_measured_is_checked_first(jvm, tmp_path, section, networks):
    file = study_file(tmp_path, [section], networks=networks)
    with pytest.raises(UsageError, match=r"Received: 'fashion-nets'\. Did you mean 'fashion-net'\?"):
        run_study(file, tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()


def test_what_was_measured_is_never_replaced(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    study_file(tmp_path, [SHATTERING]).rename(folder / "study.json")
    file = folder / "shattering.json"
    for text, problem in (
        ("damaged", "is damaged. Remove it to measure again."),
        (
            json.dumps({"settings": {"points": 16, "dataset": "fashion-mnist"}, "rows": [], "result": None}),
            "was measured with other settings: points 16 (now 8). Use them again, or remove it to measure again.",
        ),
    ):
        file.write_text(text)
        with pytest.raises(UsageError) as raised:
            report(folder)
        assert str(raised.value) == f"{file} {problem}"
        assert file.read_text() == text
    file.unlink()
    file.mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        report(folder)


def test_report_measures_data_in_another_folder(rejected, jvm, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    study_file(tmp_path, [SHATTERING], settings={"data_dir": "/none"}).rename(folder / "study.json")
    (tmp_path / "data").mkdir()
    _, line = rejected("study", "report", folder, "--data-dir", "data")
    assert line.startswith("section shattering: ")
    assert str(tmp_path / "data") in line


def test_sections_of_one_kind_write_files_of_their_own(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    sections = [SHATTERING | {"networks": [name], "name": f"of-{name}"} for name in ("plain20", "plain32")]
    study_file(tmp_path, [{"kind": "table"}, *sections]).rename(folder / "study.json")
    for name in ("plain20", "plain32"):
        rows = [
            {"model": name, "seed": seed, "autocorrelation": [1, 0.5, 0.25], "cosine": 0.5, "derivative": [0] * 8}
            for seed in (0, 1)
        ]
        form = {"settings": {"points": 8, "dataset": "fashion-mnist"}, "rows": rows, "result": None}
        (folder / f"of-{name}-shattering.json").write_text(json.dumps(form))
    page = report(folder)
    assert {file.name for file in page.parent.iterdir()} == {
        *("report.md", "report.html", "table.csv"),
        *(f"of-{name}-shattering.{form}" for name in ("plain20", "plain32") for form in ("csv", "png")),
    }
    text = (page.parent / "report.md").read_text()
    assert "## Shattered gradients: of plain32\n" in text
    assert "](of-plain32-shattering.png)" in text
    assert (
        rows_of(page.parent / "of-plain32-shattering.csv", "model") == ["plain32"] * 6 + ["white"] * 3 + ["brown"] * 3
    )


@pytest.fixture(scope="module")
def trained_study(jvm, tmp_path_factory):
    """A study of a run of one epoch."""
    folder = tmp_path_factory.mktemp("lesions")
    settings = {"dataset": "fashion-mnist", "limit": 64, "batch_size": 32}
    definition = study_file(folder, [LESIONS], networks=["plain20"], seeds=[0], epochs=1, settings=settings)
    run_study(definition, folder / "study", progress=False)
    # the final weights are measured, not the best ones
    (folder / "study" / "runs" / "plain20-seed0" / "best.safetensors").unlink()
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
    lines = []
    report(folder, announce=lines.append)
    assert files(folder / "report") == complete
    assert len(lines) == len(json.loads(file.read_text())["rows"]) - 3
    assert lines[-1].startswith("plain20, seed 0, 1 swap, draw 2: accuracy 0.")
    # more draws keep those before, and fewer forget none
    complete_form = file.read_text()
    definition = json.loads((folder / "study.json").read_text())
    for draws, measured in ((3, 2), (2, 0)):
        definition["sections"][0]["draws"] = draws
        (folder / "study.json").write_text(json.dumps(definition))
        lines.clear()
        report(folder, announce=lines.append)
        assert len(lines) == measured
    assert files(folder / "report") == complete
    assert len(json.loads(file.read_text())["rows"]) == len(json.loads(complete_form)["rows"]) + 2
    # another checkpoint needs other rows
    form["settings"]["checkpoint"] = "00000000"
    file.write_text(json.dumps(form))
    with pytest.raises(UsageError, match="was measured with other settings: checkpoint '00000000'"):
        report(folder)


@pytest.mark.parametrize("quiet", [False, True])
def test_report_follows_quiet(trained_study, tmp_path, command, quiet):
    folder = tmp_path / "study"
    shutil.copytree(trained_study, folder)
    file = folder / "runs" / "plain20-seed0" / "lesions.json"
    form = json.loads(file.read_text())
    file.write_text(json.dumps(form | {"rows": form["rows"][:-1], "result": None}))
    code, out, err = command("study", "report", folder, *["--quiet"] * quiet)
    assert (code, out) == (0, f"report: {Path('study', 'report', 'report.html')}\n")
    assert err.count("1 swap") == (not quiet)
    assert (err == "") == quiet


def test_incomplete_runs_are_not_measured(trained_study, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(trained_study, folder)
    shutil.rmtree(folder / "runs")
    page = report(folder)
    assert "No run is complete yet." in (page.parent / "report.md").read_text()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            SHATTERING | {"networks": ["vae-small"]},
            r"section shattering: It needs classifiers\. Received: 'vae-small'\.",
        ),
        (SHATTERING | {"points": 2}, r"section shattering: points must be a whole number\. Received: 2\. Allowed: 8"),
        (SHATTERING | {"seeds": [1, 1]}, r"section shattering: seeds must not repeat\. Received: '1' twice\."),
        (
            SHATTERING | {"name": "a/b"},
            r"section shattering: name must be letters, digits and hyphens\. Received: 'a/b'",
        ),
        (LESIONS | {"delete": 3}, r"section lesions: delete must be whole numbers such as \[1, 2, 3\]\. Received: 3\."),
        (SHATTERING | {"name": None}, r"section shattering: name must be a string\. Received: None"),
        (LESIONS | {"draws": 0}, r"section lesions: draws must be a whole number\. Received: 0\."),
    ],
)
def test_wrong_options_are_rejected_before_anything_is_written(tmp_path, section, message):
    with pytest.raises(UsageError, match=message):
        run_study(study_file(tmp_path, [section]), tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("network", "section", "message"),
    [
        (
            "study-plain20",
            {"kind": "lesions", "delete": [1, 8]},
            # 2 of the 9 blocks change the shape, so that a plain network needs them
            r"study mine, section lesions: delete must be a whole number\. Received: 8\. Allowed: 1 to 7\.",
        ),
        ("airbench94", {"kind": "lesions"}, r"section lesions: airbench94 has no blocks that can be left out\."),
        (
            "study-plain20",
            {"kind": "gradients", "names": ["conv1.weights"]},
            r"section gradients: No network has a parameter of this name\. Received: 'conv1\.weights'\. Did you mean "
            r"'conv1\.weight'\? Allowed: global, stem, published, conv1\.weight, ",
        ),
        (
            "study-plain20",
            {"kind": "gradients", "names": ["bn1.running_mean"]},
            r"No network has a parameter of this name\. Received: 'bn1\.running_mean'\.",
        ),
        ("study-plain21", {"kind": "table"}, r"study mine, network study-plain21: .*Did you mean 'study-plain20'\?"),
    ],
)
def test_options_that_do_not_fit_the_networks_are_rejected_before_training(jvm, tmp_path, network, section, message):
    with pytest.raises(UsageError, match=message):
        run_study(study_file(tmp_path, [section], networks=[network], epochs=1), tmp_path / "study", progress=False)
    assert not (tmp_path / "study").exists()
