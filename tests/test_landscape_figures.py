"""What the figures of loss surfaces show, read from Matplotlib's objects and from the page in a browser."""

import json
import math
import re

import chromium
import numpy as np
import pytest
from landscapes import write_landscape

from py_djl_resnet import UsageError
from py_djl_resnet._plotting.surface_scale import surface_scale
from py_djl_resnet.landscape import plot_together, read_landscape

WIDE = ((-1, 1), (0, 3))


def bowl(x, y, k):
    return 0.1 + x**2 + 3 * (y - 1) ** 2


def spiky(x, y, k):
    return {(1, 3): math.inf, (1, 0): math.nan, (0, 3): 1e6}.get((x, y), bowl(x, y, k))


@pytest.fixture
def surface(tmp_path):
    """5 x 4 points, so that a transposed figure would fail."""
    return write_landscape(tmp_path / "surface", bowl, (5, 4), WIDE)


@pytest.fixture
def spikes(tmp_path):
    """20 x 7 points; one is far above the others, one is infinite and one is NaN."""
    return write_landscape(tmp_path / "spikes", spiky, (21, 7), WIDE, model="study-plain20", missing=[(0, 0)])


def legend(chart):
    return [text.get_text() for text in chart.legends[0].get_texts()] if chart.legends else []


def test_heat_map_has_x_along_the_horizontal_axis(surface):
    axes, bar = surface.plot(kind="heat").axes
    (mesh,) = axes.collections
    np.testing.assert_allclose(10 ** mesh.get_array().reshape(4, 5), surface.loss[0].T)
    np.testing.assert_allclose(mesh.get_coordinates()[0, [0, -1], 0], [-1.25, 1.25])
    np.testing.assert_allclose(mesh.get_coordinates()[[0, -1], 0, 1], [-0.5, 3.5])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("direction 1 (x)", "direction 2 (y)")
    assert bar.get_ylabel() == "Loss"


def test_contour_lines_are_where_the_function_has_their_value(tmp_path):
    landscape = write_landscape(tmp_path / "fine", bowl, (61, 41), ((-1, 1), (0, 2)))
    axes = landscape.plot(kind="contour", levels=[0.3, 1, 2]).axes[0]
    (lines,) = (each for each in axes.collections if hasattr(each, "levels"))
    assert len(lines.levels) == 3
    for level, path in zip([0.3, 1, 2], lines.get_paths(), strict=True):
        x, y = path.vertices.T
        np.testing.assert_allclose(bowl(x, y, 0), level, rtol=0.02)
    assert {float(text.get_text()) for text in axes.texts} == {0.3, 1, 2}


def test_title_has_the_accuracy_of_the_network_itself(surface, tmp_path):
    chart = surface.plot()
    assert chart.get_suptitle() == "Loss on 1,000 test examples of cifar-10; filter-normalized directions"
    assert chart.axes[0].get_title() == f"study-resnet20, accuracy {math.exp(-3.1):.3f}"
    even = write_landscape(tmp_path / "even", bowl, (4, 4), WIDE)  # without x = 0
    assert even.plot().axes[0].get_title() == "study-resnet20"


@pytest.mark.parametrize("kind", ["contour", "filled", "heat", "surface"])
def test_legend_counts_clipped_infinite_and_missing_points(spikes, kind):
    entries = legend(spikes.plot(kind=kind))
    above = "no lines above" if kind == "contour" else "clipped above"
    (clipped,) = (entry for entry in entries if entry.startswith(above))
    assert clipped.endswith("(1 point)")
    assert "loss not finite (2 points)" in entries
    assert "not measured (1 point)" in entries


def test_surface_without_such_points_does_not_mention_them(surface):
    assert legend(surface.plot()) == ["the checkpoint"]
    assert surface.plot(kind="surface").legends == []


def test_levels_are_logarithmic_round_and_within_the_range():
    scale = surface_scale([np.array([0.05, 40.0])], "loss")
    np.testing.assert_allclose(scale.levels, [0.1, 0.2, 0.5, 1, 2, 5, 10, 20])
    assert (scale.low, scale.top, scale.log) == (0.05, 40, True)
    np.testing.assert_allclose(surface_scale([np.array([0.0, 4.0])], "loss", 4, log=False).levels, [1, 2, 3])
    narrow = surface_scale([np.array([2.30, 2.31])], "loss").levels
    assert len(narrow) >= 4
    assert ((narrow > 2.3) & (narrow < 2.31)).all()


def test_few_high_losses_do_not_stretch_the_scale():
    values = np.append(np.geomspace(0.1, 10, 99), 1e9)
    scale = surface_scale([values], "loss")
    assert scale.top == pytest.approx(10 * np.quantile(values, 0.9))
    assert scale.clipped(values) == 1
    assert scale.height(values).max() == pytest.approx(math.log10(scale.top))


def test_scale_spans_five_powers_of_ten_from_the_lowest_loss(tmp_path):
    # a tenth of the points is far above, so that 10 times the 90th percentile does not clip them
    scale = surface_scale([np.geomspace(1, 1e9, 100)], "loss")
    assert (scale.low, scale.top) == (1, pytest.approx(1e5))
    # losses near zero do not hide those near one
    values = np.geomspace(1e-9, 1e3, 100)
    scale = surface_scale([values], "loss")
    assert (scale.low, scale.top) == (1e-3, pytest.approx(100))
    assert scale.flattened(values) == (values < 1e-3).sum() == 50
    low = write_landscape(tmp_path / "low", lambda x, y, k: 10.0 ** (10 * x - 5), (21, 2), ((-1, 1), (0, 1)))
    for kind, words in (("filled", "drawn alike below 0.001"), ("contour", "no lines below 0.001")):
        assert any(entry.startswith(words) and entry.endswith("points)") for entry in legend(low.plot(kind=kind)))


def test_loss_of_zero_has_the_first_colour():
    scale = surface_scale([np.array([0.0, 1.0])], "loss")
    assert scale.log
    assert 0 < scale.low <= 1e-4
    assert scale.norm(0.0) == 0


def test_together_has_one_scale_and_one_bar(surface, spikes, tmp_path):
    chart = plot_together([surface, spikes], tmp_path / "both.png", "filled")
    first, second, _ = chart.axes
    assert first.get_title().startswith("study-resnet20")
    assert second.get_title().startswith("study-plain20")
    bounds = [next(each for each in axes.collections if getattr(each, "filled", False)) for axes in (first, second)]
    np.testing.assert_array_equal(bounds[0].levels, bounds[1].levels)
    assert (bounds[0].norm.vmin, bounds[0].norm.vmax) == (bounds[1].norm.vmin, bounds[1].norm.vmax)
    assert (tmp_path / "both.png").stat().st_size > 10_000


def test_together_names_folders_of_equal_networks(surface, tmp_path):
    other = write_landscape(tmp_path / "other", bowl, (5, 4), WIDE)
    titles = [axes.get_title() for axes in plot_together([surface, other]).axes[:2]]
    assert [title.partition(",")[0] for title in titles] == ["study-resnet20 (surface)", "study-resnet20 (other)"]


def test_line_has_mean_and_bands(tmp_path):
    line = write_landscape(tmp_path / "line", lambda x, y, k: 1 + k + x**2, (5,), ((-1, 1),), directions=3)
    chart = line.plot()
    loss, accuracy = chart.axes
    curve = next(each for each in loss.lines if len(each.get_xdata()) == 5)
    np.testing.assert_allclose(curve.get_ydata(), 2 + line.x**2)
    error, deviation = (each.get_paths()[0].vertices[:, 1] for each in loss.collections)
    assert error.min() == pytest.approx(2 - 0.05)
    assert deviation.min() == pytest.approx(2 - 1)
    assert accuracy.get_ylabel() == "Accuracy"
    assert legend(chart) == [
        "mean of 3 directions",
        "± standard error over the examples",
        "± standard deviation over directions",
    ]


def test_bands_on_a_logarithmic_axis_are_those_of_the_logarithm(tmp_path):
    # 1, 10 and 100 times: the mean of the logarithm is 10 times, and its deviation a factor of 10
    line = write_landscape(tmp_path / "line", lambda x, y, k: 10**k * (1 + x**2), (5,), ((-1, 1),), directions=3)
    chart = line.plot()
    loss = chart.axes[0]
    assert loss.get_yscale() == "log"
    curve = next(each for each in loss.lines if len(each.get_xdata()) == 5)
    np.testing.assert_allclose(curve.get_ydata(), 10 * (1 + line.x**2))
    _, deviation = (each.get_paths()[0].vertices[:, 1] for each in loss.collections)
    assert (deviation.min(), deviation.max()) == (pytest.approx(1), pytest.approx(200))
    assert legend(chart)[-1] == "± standard deviation over directions (of the loss: of its logarithm)"


def test_lines_together_share_panels(tmp_path):
    one = write_landscape(tmp_path / "one", lambda x, y, k: 1 + x**2, (5,), ((-1, 1),))
    two = write_landscape(tmp_path / "two", lambda x, y, k: 2 if x < 1 else math.inf, (5,), ((-1, 1),), model="plain20")
    chart = plot_together([one, two])
    assert len(chart.axes) == 2
    entries = legend(chart)
    assert entries[0].startswith("study-resnet20, accuracy")
    assert entries[1].startswith("plain20, accuracy")
    assert "loss not finite (1 point)" in entries


def test_interpolation_marks_both_networks(tmp_path):
    line = write_landscape(
        *(tmp_path / "line", lambda x, y, k: 1 + x, (7,), ((-0.25, 1.25),)),
        kind="interpolation",
        checkpoint={"path": "a.safetensors"},
        other={"path": "b.safetensors"},
    )
    chart = line.plot()
    assert [(text.get_text(), text.xy[0]) for text in chart.axes[0].texts] == [("A", 0), ("B", 1)]
    assert {"A: a.safetensors", "B: b.safetensors"} <= set(legend(chart))


def test_interpolation_names_files_that_fit(tmp_path):
    long = "/home/" + "folder/" * 20
    line = write_landscape(
        *(tmp_path / "line", lambda x, y, k: 1 + x, (7,), ((-0.25, 1.25),)),
        kind="interpolation",
        checkpoint={"path": f"{long}seed0/best.safetensors"},
        other={"path": f"{long}seed1/best.safetensors"},
    )
    chart = line.plot()
    assert {"A: seed0/best.safetensors", "B: seed1/best.safetensors"} <= set(legend(chart))
    chart.draw_without_rendering()
    box = chart.legends[0].get_window_extent()
    assert (box.x0 >= 0, box.x1 <= chart.bbox.width) == (True, True)


def test_interpolation_names_no_file_of_a_network_in_memory(tmp_path):
    line = write_landscape(
        *(tmp_path / "line", lambda x, y, k: 1 + x, (7,), ((-0.25, 1.25),)),
        kind="interpolation",
        checkpoint={"path": None, "checksum": "00000000"},
        other={"path": "b.safetensors"},
    )
    assert [entry for entry in legend(line.plot()) if entry.startswith(("A:", "B:"))] == ["B: b.safetensors"]


def test_trajectory_is_drawn_with_the_true_losses(tmp_path):
    folder = tmp_path / "trajectory"
    write_landscape(folder, bowl, (9, 9), ((-1, 1), (0, 3)), kind="trajectory", explained=[0.8, 0.15])
    rows = ["epoch,step,x,y,loss,accuracy,projected_loss", "1,10,-0.9,2.5,4,0.2,5", "2,20,0.5,1.5,0.7,0.6,0.9"]
    (folder / "trajectory.csv").write_text("\n".join(rows) + "\n")
    axes = read_landscape(folder).plot(kind="contour").axes[0]
    points = next(each for each in axes.collections if len(each.get_offsets()) == 2)
    np.testing.assert_allclose(points.get_offsets(), [[-0.9, 2.5], [0.5, 1.5]])
    np.testing.assert_allclose(points.get_array(), [4, 0.7])
    assert {"1: 4", "2: 0.7"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlabel() == "principal direction 1 (80.0% of squared distance)"


def narrow_trajectory(folder):
    write_landscape(
        folder, lambda x, y, k: 2.37 + 0.02 * x**2, (3, 3), ((-1, 1), (-1, 1)), kind="trajectory", explained=[0.9, 0.05]
    )
    rows = ["epoch,step,x,y,loss,accuracy,projected_loss", "1,10,-1,0,2.391,0.2,5", "2,20,0,0,2.37,0.6,0.9"]
    (folder / "trajectory.csv").write_text("\n".join(rows) + "\n")
    return read_landscape(folder)


@pytest.mark.parametrize("kind", ["filled", "surface"])
def test_levels_of_a_narrow_range_have_different_labels(tmp_path, kind):
    chart = narrow_trajectory(tmp_path / "narrow").plot(kind=kind)
    labels = [text.get_text() for text in chart.axes[1].get_yticklabels()]
    assert len(labels) > 4
    assert len(set(labels)) == len(labels)
    np.testing.assert_allclose([float(label) for label in labels], chart.axes[1].get_yticks(), rtol=1e-6)


def test_path_in_3d_lies_just_above_the_surface(tmp_path):
    axes = narrow_trajectory(tmp_path / "narrow").plot(kind="surface").axes[0]
    (line,) = axes.lines
    x, y, z = line.get_data_3d()
    # the surface is linear between the grid's points, in the logarithm
    expected = np.log10(2.37) + np.log10(2.39 / 2.37) * (np.abs(x) + 0.02)
    np.testing.assert_allclose(z, expected, atol=1e-6)
    assert (x[0], x[-1], abs(y).max()) == (-1, 0, 0)


def test_surface_without_a_finite_loss_has_no_lowest_point(tmp_path):
    landscape = write_landscape(tmp_path / "high", lambda x, y, k: math.inf, (2, 2), WIDE, missing=[(0, 0)])
    assert str(landscape) == f"{landscape.info['model']}: 3 of 4 points"


def test_logarithmic_line_needs_positive_losses(tmp_path):
    landscape = write_landscape(tmp_path / "zero", lambda x, y, k: x, (3,), ((0, 1),))
    with pytest.raises(UsageError, match=r"A logarithmic scale needs positive losses.* Use log=False\."):
        landscape.plot(log=True)


def test_line_without_a_finite_loss_has_no_numbers(tmp_path):
    line = write_landscape(tmp_path / "bad", lambda x, y, k: math.nan, (3,), ((-1, 1),))
    assert line.plot().axes[0].get_yticks().size == 0


def test_curvature_map_has_the_ratio(tmp_path):
    landscape = write_landscape(tmp_path / "bowl", bowl, (6, 5), WIDE)
    (mesh,) = landscape.plot(value="curvature").axes[0].collections
    np.testing.assert_allclose(mesh.get_array(), np.full((3, 4), 1 / 3))


@pytest.mark.parametrize(
    ("loss", "grid", "ranges"),
    [
        (lambda x, y, k: 2.5, (2, 2), WIDE),
        (lambda x, y, k: math.inf, (4, 4), WIDE),
        (lambda x, y, k: 0.0, (3, 7), WIDE),
        (spiky, (2, 4), WIDE),
        (lambda x, y, k: math.nan, (2,), ((0, 1),)),
        (lambda x, y, k: 1 + x, (2,), ((0, 1),)),
    ],
)
def test_every_surface_can_be_drawn(tmp_path, loss, grid, ranges):
    landscape = write_landscape(tmp_path / "any", loss, grid, ranges, directions=2)
    files = landscape.write_figures()
    assert all(file.stat().st_size > 100 for file in files)
    names = {file.name for file in files}
    assert {"measures.json", "measures.csv"} <= names
    if len(grid) == 2:
        assert {"contour.png", "filled.png", "heat.png", "surface.png", "surface.html", "directions.png"} <= names
        assert ("curvature.png" in names) == (min(grid) > 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "bars"}, "Received: bars. Allowed: contour, filled, heat, surface, html."),
        ({"value": "los"}, "Received: 'los'. Did you mean 'loss'? Allowed: loss, accuracy, curvature."),
        ({"value": "curvature", "kind": "surface"}, "Received: surface. Allowed: contour, filled, heat."),
        ({"direction": 1}, "direction must be a whole number. Received: 1. Allowed: 0 to 0."),
        ({"levels": [1, 1]}, "levels must be finite and ascending. Received: [1, 1]."),
        ({"path": "a.html", "kind": "heat"}, "Received: heat, a.html."),
        ({"path": "a.gif"}, "Received: .gif."),
    ],
)
def test_wrong_options_are_rejected(surface, monkeypatch, options, message):
    monkeypatch.chdir(surface.folder)
    with pytest.raises(UsageError) as raised:
        surface.plot(**options)
    assert message in str(raised.value)


def test_lines_and_surfaces_do_not_mix(surface, tmp_path):
    line = write_landscape(tmp_path / "line", bowl, (3,), ((0, 1),))
    with pytest.raises(UsageError, match="cannot be drawn together"):
        plot_together([surface, line])


def test_page_has_the_values_and_needs_no_network(spikes, tmp_path):
    assert spikes.plot(tmp_path / "page.html") is None
    page = (tmp_path / "page.html").read_text("utf-8")
    assert len(page) < 40_000
    assert not re.search(r"https?://|\bsrc=|<link|import", page)
    data = json.loads(re.search(r"const data = (\{.*\});", page)[1])
    values = np.array([[np.nan if value is None else value for value in row] for row in data["values"]])
    np.testing.assert_allclose(values, np.where(np.isfinite(spikes.loss[0]), spikes.loss[0], np.nan), rtol=1e-4)
    assert data["x"] == spikes.x.tolist()
    assert data["y"] == spikes.y.tolist()
    assert "1 points are clipped" not in page
    assert "1 point above" in page
    assert "2 points without a finite value" in page


@pytest.mark.skipif(chromium.NAME is None, reason="needs Chromium")
def test_page_turns_and_reads_values_in_a_browser(spikes, tmp_path):
    spikes.plot(tmp_path / "page.html")
    probe = """
<script>
const before = canvas.toDataURL(), key = (name, shiftKey) =>
  canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey }));
key("ArrowLeft", false);
const turned = canvas.toDataURL() !== before;
key("ArrowLeft", true);
key("ArrowDown", true);
const byKey = document.getElementById("point").textContent;
const at = projected[2][3], box = canvas.getBoundingClientRect();
canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: at.x + box.left, clientY: at.y + box.top }));
const byPointer = document.getElementById("point").textContent;
document.body.dataset.result = JSON.stringify({ turned, byKey, byPointer });
</script>"""
    dom, console = chromium.opened((tmp_path / "page.html").read_text("utf-8") + probe)
    assert console == []
    result = json.loads(re.search(r'data-result="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert result["turned"]
    assert result["byKey"] == f"x = -0.1, y = 1, loss = {bowl(-0.1, 1, 0):.4g}"
    near = [float(number) for number in re.findall(r"= (-?[\d.]+)", result["byPointer"])]
    assert near[2] == pytest.approx(bowl(near[0], near[1], 0), rel=1e-3)
    assert abs(near[0] - spikes.x[2]) <= 0.31
