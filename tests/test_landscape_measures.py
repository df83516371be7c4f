"""Measures of loss surfaces, of functions whose values are known by hand."""

import csv
import io
import json
import math

import numpy as np
import pytest
from landscapes import write_landscape

from py_djl_resnet._landscape.curvature import basin, eigenvalues
from py_djl_resnet._landscape.measures import measures_csv, measures_table
from py_djl_resnet.landscape import coordinates

SYMMETRIC = ((-1, 1), (-1, 1))


def measure(tmp_path, loss, grid=(21, 21), ranges=SYMMETRIC, **more):
    return write_landscape(tmp_path / "surface", loss, grid, ranges, **more).measures()


def test_bowl_has_its_curvatures_everywhere(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 0.5 + x**2 + 3 * y**2).directions[0]
    assert found["lambda_min"] == pytest.approx(2)
    assert found["lambda_max"] == pytest.approx(6)
    assert found["lambda_ratio"] == pytest.approx(1 / 3)
    assert (found["non_convex"], found["not_finite"]) == (0, 0)
    assert (found["lowest"], found["lowest_at"], found["centre"]) == (0.5, [0, 0], 0.5)


def test_basin_of_a_bowl_is_an_ellipse(tmp_path):
    # x² + 3y² <= 0.5 has the area π 0.5 / √3
    found = measure(tmp_path, lambda x, y, k: 0.5 + x**2 + 3 * y**2, (41, 41)).directions[0]
    area = math.pi * 0.5 / math.sqrt(3)
    assert found["basin_share"] == pytest.approx(area / 4, rel=0.01)
    assert found["basin_width"] == pytest.approx(2 * math.sqrt(area / math.pi), rel=0.005)
    assert found["basin_open"] is False


def test_saddle_is_not_convex_anywhere(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 5 + x**2 - y**2).directions[0]
    assert found["non_convex"] == 1
    assert (found["lambda_min"], found["lambda_max"]) == (pytest.approx(-2), pytest.approx(2))
    assert found["lambda_ratio"] == pytest.approx(-1)


def test_rotated_saddle_needs_the_mixed_derivative(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 5 + 2 * x * y).directions[0]
    assert (found["lambda_min"], found["lambda_max"]) == (pytest.approx(-2), pytest.approx(2))
    assert found["non_convex"] == 1


def test_hill_has_no_ratio(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 5 - x**2 - y**2).directions[0]
    assert (found["lambda_min"], found["lambda_max"]) == (pytest.approx(-2), pytest.approx(-2))
    assert found["lambda_ratio"] is None


def test_quartic_is_not_convex_between_its_wells(tmp_path):
    # the second difference of x⁴ - x² is 12x² + 2h² - 2, negative where |x| < √((1 - h²) / 6) = 0.4062 for h = 0.1
    found = measure(tmp_path, lambda x, y, k: 1 + x**4 - x**2 + y**2).directions[0]
    inner = np.round(np.linspace(-0.9, 0.9, 19), 1)
    assert found["non_convex"] == pytest.approx((np.abs(inner) < 0.4062).mean())
    assert found["lambda_min"] == pytest.approx(2 * 0.1**2 - 2)


def test_low_points_have_a_share_of_their_own(tmp_path):
    # 1 + x² in the middle; beyond |x| = 1 the slope falls, where the loss is above 2
    found = measure(
        *(tmp_path, lambda x, y, k: 1 + x**2 + y**2 if abs(x) < 1 else 2.5 - 0.1 * x**2 + y**2, (9, 3)),
        ((-2, 2), (-0.1, 0.1)),
    ).directions[0]
    # of x = -1.5 to 1.5 only the ends and x = -1 and 1, beside the middle, are not convex
    assert found["non_convex"] == pytest.approx(4 / 7)
    # at most twice the lowest loss: -0.5, 0 and 0.5
    assert found["non_convex_low"] == 0
    hills = measure(tmp_path / "hills", lambda x, y, k: 3 - x**2 + y**2, (9, 3), ((-1, 1), (-1, 1))).directions[0]
    assert hills["non_convex_low"] == 1


def test_border_and_neighbours_of_infinite_points_do_not_count(tmp_path):
    def loss(x, y, k):
        return math.inf if x == 0.5 and y == 0 else 1 + y**2 + (x**2 if x < 0.25 else -2 * x**2)

    found = measure(tmp_path, loss, (9, 5), ((-1, 1), (-1, 1))).directions[0]
    # columns 1 to 7 of 3 inner points each; x = 0.25, 0.5, 0.75 are all beside the infinite point
    assert found["non_convex"] == pytest.approx(3 / 12)  # x = 0 sees the drop at 0.25
    assert found["not_finite"] == pytest.approx(1 / 45)


def test_plane_is_convex_in_spite_of_rounding(tmp_path):
    found = measure(tmp_path, lambda x, y, k: float(np.float32(2 + 0.3 * x - 0.7 * y)), (51, 51)).directions[0]
    assert (found["non_convex"], found["lambda_min"], found["lambda_max"]) == (0, 0, 0)


def test_grid_need_be_neither_square_nor_symmetric(tmp_path):
    found = measure(
        *(tmp_path, lambda x, y, k: 1 + x**2 + 3 * (y - 0.5) ** 2, (31, 8), ((-0.5, 1), (-0.5, 3)))
    ).directions[0]
    assert found["lowest_at"] == [pytest.approx(0), pytest.approx(0.5)]
    assert (found["lambda_min"], found["lambda_max"]) == (pytest.approx(2), pytest.approx(6))
    assert found["basin_open"] is True


@pytest.mark.parametrize("size", [3, 7])
def test_three_points_a_side_have_curvatures(tmp_path, size):
    found = measure(tmp_path, lambda x, y, k: 1 + x**2 + 3 * y**2, (3, size)).directions[0]
    assert (found["lambda_min"], found["lambda_max"]) == (pytest.approx(2), pytest.approx(6))


@pytest.mark.parametrize(("grid", "ranges"), [((8, 7), SYMMETRIC), ((7, 7), ((-1, 1), (0.1, 1)))])
def test_grid_without_the_network_has_no_measures_of_the_centre(tmp_path, grid, ranges):
    found = measure(tmp_path, lambda x, y, k: 1 + x**2 + 3 * y**2, grid, ranges)
    row = found.directions[0]
    assert row["centre"] is row["lambda_min"] is row["lambda_max"] is row["lambda_ratio"] is None
    assert row["lowest"] is not None
    assert str(found).splitlines()[1].split()[-1] == "-"


def test_network_at_the_border_has_a_loss_and_no_curvature(tmp_path):
    row = measure(tmp_path, lambda x, y, k: 1 + x**2 + y, (5, 5), ((-1, 1), (0, 1))).directions[0]
    assert row["centre"] == 1
    assert row["lambda_min"] is row["lambda_max"] is None


def test_two_points_a_side_have_none(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 2 + x + y, (2, 2)).directions[0]
    assert found["lambda_min"] is found["lambda_max"] is found["lambda_ratio"] is found["non_convex"] is None
    assert found["lowest"] == 0


def test_line_has_length_curvature_and_share(tmp_path):
    # 0.25 + x² <= 0.5 where |x| <= 0.5
    found = measure(tmp_path, lambda x, y, k: 0.25 + x**2, (41,), ((-1, 3),)).directions[0]
    assert found["basin_width"] == pytest.approx(1, abs=0.02)
    assert found["basin_share"] == pytest.approx(0.25, abs=0.005)
    assert found["curvature"] == pytest.approx(2)
    assert found["non_convex"] == 0
    assert "lambda_min" not in found


def test_basin_is_only_the_connected_part():
    x = coordinates(-1, 1, 81)
    wells = np.minimum((x + 0.5) ** 2, (x - 0.5) ** 2 + 0.001) + 0.01
    share, touches = basin(wells, 0.02)
    assert share == pytest.approx(0.1, abs=0.005)  # 0.2 of a length of 2
    assert not touches
    ring = np.hypot(*np.meshgrid(x, x, indexing="ij"))
    share, _ = basin(np.where(ring < 0.3, 0.5, np.where(ring < 0.6, 5.0, 1.0)) + 0.01 * ring, 1.2)
    assert share == pytest.approx(math.pi * 0.3**2 / 4, rel=0.1)


def test_basin_ends_at_infinite_points():
    values = np.ones((5, 5))
    values[3, :] = np.inf
    share, touches = basin(values, 2)
    assert share == pytest.approx(0.5, abs=0.01)  # rows 0 to 2 of 0 to 4
    assert touches


def test_eigenvalues_are_numpys(tmp_path):
    rng = np.random.default_rng(0)
    x, y = coordinates(-1, 1, 5), coordinates(0, 4, 6)
    f = rng.normal(size=(5, 6))
    found = eigenvalues(x, y, f)
    for i in range(1, 4):
        for j in range(1, 5):
            xx = (f[i + 1, j] - 2 * f[i, j] + f[i - 1, j]) / 0.5**2
            yy = (f[i, j + 1] - 2 * f[i, j] + f[i, j - 1]) / 0.8**2
            xy = (f[i + 1, j + 1] - f[i + 1, j - 1] - f[i - 1, j + 1] + f[i - 1, j - 1]) / (4 * 0.5 * 0.8)
            np.testing.assert_allclose(found[:, i - 1, j - 1], np.linalg.eigvalsh([[xx, xy], [xy, yy]]))


def test_spread_is_over_the_directions(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 1 + k + (1 + k) * (x**2 + y**2), directions=3)
    assert [row["lambda_max"] for row in found.directions] == pytest.approx([2, 4, 6])
    assert (found.mean["lambda_max"], found.deviation["lambda_max"]) == (pytest.approx(4), pytest.approx(2))
    assert found.deviation["lambda_ratio"] == pytest.approx(0)


def test_centre_has_no_spread(tmp_path):
    found = measure(tmp_path, lambda x, y, k: 1 + (1 + k) * (x**2 + y**2), directions=2)
    assert (found.mean["centre"], found.deviation["centre"]) == (1, None)
    assert str(found).splitlines()[1].split() == ["loss", "at", "the", "centre", "1"]


def test_table_of_several_landscapes_has_the_measures_of_all(tmp_path):
    line = write_landscape(tmp_path / "line", lambda x, y, k: 1 + x**2, (7,), ((-0.25, 1.25),))
    path = write_landscape(
        *(tmp_path / "path", lambda x, y, k: 1 + 8 * x * (1 - x), (7,), ((-0.25, 1.25),)), kind="interpolation"
    )
    for several in ([line, path], [path, line]):
        rows = list(csv.DictReader(io.StringIO(measures_csv([each.measures() for each in several])), restkey="more"))
        barriers = [row["barrier"] for row in rows if row["direction"] == "0"]
        assert sorted(barriers) == ["", "2.0"]
        assert all("more" not in row and None not in row.values() for row in rows)


def test_barrier_is_the_height_above_the_line_between_the_networks(tmp_path):
    found = measure(
        *(tmp_path, lambda x, y, k: 1 + x + 8 * x * (1 - x), (7,), ((-0.25, 1.25),)), kind="interpolation"
    ).directions[0]
    assert found["barrier"] == pytest.approx(2)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_surface_without_a_finite_value_has_no_measures(tmp_path, value):
    found = measure(tmp_path, lambda x, y, k: value, (4, 4))
    assert found.directions[0]["not_finite"] == 1
    assert {name for name, mean in found.mean.items() if mean is not None} == {"not_finite"}


def test_points_that_were_not_measured_are_not_called_infinite(tmp_path):
    gaps = [(i, 0) for i in range(4)]
    assert measure(tmp_path, lambda x, y, k: 1 + x**2, (4, 4), missing=gaps).directions[0]["not_finite"] == 0


def test_files_and_table_have_the_numbers(tmp_path):
    landscape = write_landscape(
        tmp_path / "a", lambda x, y, k: 0.5 + (1 + k) * (x**2 + 3 * y**2), (9, 9), SYMMETRIC, directions=2
    )
    landscape.write_figures()
    form = json.loads((landscape.folder / "measures.json").read_text())
    assert form["mean"]["lambda_max"] == pytest.approx(9)
    rows = list(csv.DictReader(io.StringIO((landscape.folder / "measures.csv").read_text())))
    assert [row["direction"] for row in rows] == ["0", "1", "mean", "deviation"]
    assert [float(row["lambda_max"]) for row in rows] == pytest.approx([6, 12, 9, math.sqrt(18)])
    table = measures_table([landscape.measures()], ["mine"]).splitlines()
    assert table[0].split() == ["measure", "mine"]
    assert "larger curvature at the centre" in table[-2]
    assert table[-2].endswith("9 ± 4.2")
