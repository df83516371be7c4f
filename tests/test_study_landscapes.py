"""The section of a study with loss surfaces."""

import csv
import json
import re
import shutil

import pytest
from landscapes import write_landscape

from py_djl_resnet import UsageError, read_landscape
from py_djl_resnet._study.sections.landscapes import _lines
from py_djl_resnet.study import report, run_study

SECTION = {"kind": "landscapes", "grid": 5, "examples": 16, "directions": 2}


@pytest.fixture(scope="module")
def trained_study(jvm, tmp_path_factory):
    """The folder of a study of one run of one epoch."""
    folder = tmp_path_factory.mktemp("landscapes")
    settings = {"dataset": "fashion-mnist", "limit": 64, "batch_size": 32}
    form = {"networks": ["fashion-net"], "seeds": [0], "epochs": 1, "settings": settings, "sections": [SECTION]}
    (folder / "mine.json").write_text(json.dumps(form))
    run_study(folder / "mine.json", folder / "study", progress=False)
    return folder / "study"


def write_sections(folder, *sections):
    """Changes the sections of a study's folder."""
    form = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(form | {"sections": list(sections)}))


def test_surfaces_are_measured_on_request(trained_study):
    page = report(trained_study)
    assert "No surface has been measured yet" in (page.parent / "report.md").read_text()
    lines = []
    report(trained_study, landscapes=True, progress=False, announce=lines.append)
    assert lines == ["loss surfaces of fashion-net, seed 0"]
    surface = read_landscape(trained_study / "landscapes" / "fashion-net-seed0")
    assert (surface.loss.shape, surface.missing) == ((2, 5, 5), 0)
    text = (page.parent / "report.md").read_text()
    assert "Loss of 16 training examples on 5 x 5 points" in text
    assert "over 2 pairs of random directions" in text
    assert (page.parent / "landscape-fashion-net.png").is_file()
    assert (page.parent / "landscape-lines.png").is_file()
    with (page.parent / "landscapes.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["direction"] for row in rows] == ["0", "1", "mean", "deviation"]
    assert float(rows[2]["lowest"]) == pytest.approx(surface.measures().mean["lowest"])
    assert float(rows[0]["centre"]) == surface.loss[0, 2, 2] == surface.loss[1, 2, 2]


def test_lines_are_the_axes_of_the_surfaces(tmp_path):
    surface = write_landscape(
        tmp_path / "plane", lambda x, y, k: 1 + x + 10 * (y + 1) + 100 * k, (3, 3), ((-1, 1), (-1, 1)), directions=2
    )
    lines = _lines(surface)
    assert lines.loss.tolist() == [[10, 11, 12], [110, 111, 112], [1, 11, 21], [101, 111, 121]]
    assert lines.y is None


def test_surfaces_of_other_settings_are_rejected(trained_study, tmp_path):
    shutil.copytree(trained_study, tmp_path / "study")
    section = SECTION | {"grid": 2, "directions": 1, "name": "small"}
    write_sections(tmp_path / "study", section)
    # the final weights are measured, not the best ones
    (tmp_path / "study" / "runs" / "fashion-net-seed0" / "best.safetensors").unlink()
    report(tmp_path / "study", landscapes=True, progress=False)
    surfaces = tmp_path / "study" / "small-landscapes" / "fashion-net-seed0"
    for option, before, now in (
        ("grid", 2, 3),
        ("range", [[-1.0, 1.0]] * 2, [[-0.5, 0.5]] * 2),
        ("examples", 16, 32),
        ("directions", 1, 2),
    ):
        given = now[0] if option == "range" else now
        write_sections(tmp_path / "study", section | {option: given})
        for landscapes in (False, True):
            with pytest.raises(UsageError) as raised:
                report(tmp_path / "study", landscapes=landscapes, progress=False)
            assert str(raised.value) == (
                f"{surfaces} was measured with other settings: {option} {before} (now {now}). Use them again, or "
                "remove it to measure again."
            )
    write_sections(tmp_path / "study", section)
    last = tmp_path / "study" / "runs" / "fashion-net-seed0" / "last.safetensors"
    last.write_bytes(re.sub(rb'"crc32c:\w+"', b'"crc32c:00000000"', last.read_bytes(), count=1))
    with pytest.raises(UsageError, match=r"other settings: checkpoint 'crc32c:\w+' \(now 'crc32c:00000000'\)\."):
        report(tmp_path / "study")
    shutil.rmtree(surfaces)
    assert "No surface has been measured yet" in (report(tmp_path / "study").parent / "report.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": [["plain20"]]}, "Received: plain20. Allowed: fashion-net."),
        (
            {"pairs": "fashion-net"},
            'section landscapes: "pairs" must be lists of networks. Received: fashion-net. Allowed: such as '
            '[["fashion-net"]].',
        ),
        ({"grid": 1}, 'section landscapes: "grid" must be a whole number. Received: 1. Allowed: 2 to'),
        (
            {"grid": 1000},
            "section landscapes: The grid has too many points. Received: 2,000,000. Allowed: up to 1,000,000.",
        ),
        ({"range": [1, -1]}, "section landscapes: range must go from a smaller to a larger number. Received: 1,-1."),
        ({"examples": "some"}, 'section landscapes: "examples" must be a whole number. Received: some.'),
    ],
)
def test_wrong_options_are_rejected(trained_study, tmp_path, options, message):
    form = json.loads((trained_study / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(form | {"sections": [SECTION | options]}))
    with pytest.raises(UsageError) as raised:
        report(tmp_path)
    assert message in str(raised.value).replace("'", "")


def test_section_can_be_added_to_a_trained_study(trained_study, tmp_path):
    shutil.copytree(trained_study, tmp_path / "study")
    write_sections(tmp_path / "study", {"kind": "curves"})
    with pytest.raises(UsageError) as raised:
        report(tmp_path / "study", landscapes=True)
    assert str(raised.value).endswith(
        'has no section "landscapes". Add {"kind": "landscapes"} to the sections of the study\'s file, and repeat '
        f"study run with it and --out {tmp_path / 'study'}."
    )
    runs = run_study(trained_study.parent / "mine.json", tmp_path / "study", progress=False)
    assert runs.definition.sections == (SECTION,)
