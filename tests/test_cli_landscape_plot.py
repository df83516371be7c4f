"""The command landscape plot."""

import csv
import json

import pytest
from landscapes import write_landscape

WIDE = ((-1, 1), (-1, 2))


@pytest.fixture
def two(tmp_path):
    """Folders a and b in the current folder."""
    for name, model, steep in (("a", "study-plain20", 3), ("b", "study-resnet20", 1)):
        write_landscape(tmp_path / name, lambda x, y, k, s=steep: 0.5 + s * (x**2 + y**2), (5, 4), WIDE, model=model)
    write_landscape(tmp_path / "line", lambda x, y, k: 1 + x**2, (5,), ((-1, 1),), directions=2)
    return "a", "b"


def test_plot_draws_all_figures_and_prints_the_measures(command, two, tmp_path):
    code, out, err = command("landscape", "plot", *two)
    assert code == 0, err
    assert out.splitlines()[0].split() == ["measure", "study-plain20", "study-resnet20"]
    assert [line.split()[-2:] for line in out.splitlines() if line.startswith("larger")] == [["6", "2"]]
    for name in two:
        for file in ("figures/contour.png", "figures/surface.html", "measures.json"):
            assert (tmp_path / name / file).is_file()
            assert f"{name}/{file}" in err


def test_plot_together_writes_one_figure_and_its_numbers(command, two, tmp_path):
    code, out, err = command("landscape", "plot", *two, "--together", "--out", "new/both.svg", "--json")
    assert code == 0, err
    assert {"study-plain20", "study-resnet20"} == {form["model"] for form in json.loads(out)}
    text = (tmp_path / "new" / "both.svg").read_text()
    assert "study-plain20" in text
    assert "study-resnet20" in text
    with (tmp_path / "new" / "both.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["model"], row["direction"]) for row in rows] == [
        (model, row) for model in ("study-plain20", "study-resnet20") for row in ("0", "mean", "deviation")
    ]
    assert not (tmp_path / "a" / "figures").exists()


def test_plot_draws_the_chosen_kind(command, two, tmp_path):
    code, _, err = command("landscape", "plot", "a", "--kind", "contour", "--value", "accuracy", "--out", "a.svg")
    assert (code, err) == (0, "figure: a.svg\n")
    assert "Accuracy" in (tmp_path / "a.svg").read_text()
    code, _, err = command("landscape", "plot", "a", "--out", "a.html")
    assert code == 0, err
    assert "<canvas" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", "b", "--out", "x.png"), "--out with several landscapes needs --together."),
        (("a", "--out", "x.html", "--levels", "5"), "--levels needs contours. Received: a page, which has none. Omit"),
        (("a", "--kind", "heat"), "--kind needs --out FILE."),
        (("a", "b", "--together", "--out", "x.html"), "Received: .html. Allowed: .png, .svg, .pdf."),
        (("c",), "has no landscape.json"),
        (("line", "--value", "accuracy", "--out", "x.png"), "--value needs a surface. Received: a line. Omit it."),
        (("line", "--direction", "1", "--out", "x.png"), "--direction needs a surface. Received: a line. Omit it."),
        (
            ("line", "line", "--together", "--levels", "5", "--out", "x.png"),
            "--levels needs a surface. Received: a lin",
        ),
        (("a", "--value", "accuracy", "--log", "--out", "x.png"), "--log needs the loss. Received: accuracy. Omit it."),
    ],
)
def test_plot_rejects_wrong_arguments(rejected, two, arguments, message):
    code, text = rejected("landscape", "plot", *arguments)
    assert code == 2
    assert message in text
