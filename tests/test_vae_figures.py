"""Directions of a latent space, grids of images, and the curves of autoencoders."""

import re

import numpy as np
import pytest

from py_djl_resnet._plotting.grid import plot_grid, plot_points, tiled
from py_djl_resnet._plotting.history import plot_history
from py_djl_resnet._plotting.rates import plot_rates
from py_djl_resnet._vae.latent import activity, line, principal_components, traversal
from py_djl_resnet.autoencoder import AutoencoderEvaluation
from py_djl_resnet.progress import metrics_line


def test_principal_components_diagonalize_the_covariance():
    random = np.random.default_rng(0)
    codes = (random.standard_normal((200, 5)) * [1, 5, 2, 0.1, 3] + 7).astype(np.float32)
    places, shares = principal_components(codes)
    covariance = np.cov(codes.astype(np.float64), rowvar=False, ddof=0)
    lengths, directions = np.linalg.eigh(covariance)
    np.testing.assert_allclose(np.cov(places, rowvar=False, ddof=0), np.diag(lengths[::-1][:2]), atol=1e-8)
    np.testing.assert_allclose(shares, lengths[::-1][:2] / lengths.sum())
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(np.abs(places), np.abs(centred @ directions[:, ::-1][:, :2]), atol=1e-8)
    # the first direction is nearly the second axis, and points along it
    assert np.corrcoef(places[:, 0], codes[:, 1])[0, 1] > 0.99


@pytest.mark.parametrize("shape", [(1, 3), (4, 1)])
def test_missing_components_are_zero(shape):
    places, shares = principal_components(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    assert places.shape == (shape[0], 2)
    assert shares[1] == 0
    assert (places[:, 1] == 0).all()


def test_activity_is_the_variance_of_each_dimension():
    means = np.array([[1, 0, 2], [3, 0, 2.5]], np.float32)
    np.testing.assert_allclose(activity(means), [2, 0, 0.125])
    np.testing.assert_array_equal(activity(means[:1]), [0, 0, 0])


def test_line_has_both_ends_and_equal_steps():
    found = line(np.array([0, 4.0]), np.array([2, 0.0]), 5)
    np.testing.assert_array_equal(found, [[0, 4], [0.5, 3], [1, 2], [1.5, 1], [2, 0]])
    assert found.dtype == np.float32


def test_traversal_changes_one_dimension_at_a_time():
    found = traversal(np.array([1, 2, 4, 8]), np.array([2, 0]), np.array([-3.0, 3.0]))
    np.testing.assert_array_equal(found, [[1, 2, -3, 8], [1, 2, 3, 8], [-3, 2, 4, 8], [3, 2, 4, 8]])


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_in_rows_with_white_between_them(channels):
    images = np.stack([np.full((channels, 4, 5), value) for value in (0, 0.25, 0.5)])
    whole = tiled(images, 2)
    assert whole.shape == (10, 12) if channels == 1 else (10, 12, 3)
    assert (whole[:4, :5] == 0).all()
    assert (whole[:4, 7:] == 0.25).all()
    assert (whole[6:, :5] == 0.5).all()
    assert (whole[:, 5:7] == 1).all()
    assert (whole[4:6] == 1).all()
    # there is no fourth image
    assert (whole[6:, 7:] == 1).all()


def test_grid_names_rows_and_columns_at_their_images():
    chart = plot_grid(np.zeros((6, 1, 8, 8)), 3, "a title", row_names=["x", "y"], column_names=["1", "2", "3"])
    (axes,) = chart.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y"]
    np.testing.assert_array_equal(axes.get_yticks(), [5, 15])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert axes.get_title() == "a title"


def grid_edges(chart):
    """Left edge of all names, right edge of the images, and middle of the title, as shares of the figure's width."""
    (axes,) = chart.axes
    chart.canvas.draw()
    width = chart.bbox.width
    names = [label.get_window_extent().x0 for label in axes.get_yticklabels()]
    left = min([axes.bbox.x0, *names])
    title = axes.title.get_window_extent()
    return left / width, axes.bbox.x1 / width, (title.x0 + title.x1) / 2 / width


@pytest.mark.parametrize(
    "title", ["short", "a title that is much wider than all of the images below it and their names"]
)
@pytest.mark.parametrize("row_names", [[], ["x", "reconstruction"]])
def test_grid_and_title_are_centred(title, row_names):
    left, right, middle = grid_edges(plot_grid(np.zeros((6, 1, 8, 8)), 3, title, row_names=row_names))
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.01)
    assert middle == pytest.approx(0.5, abs=0.01)
    assert 0 < left < right < 1


def test_names_wider_than_their_images_do_not_overlap():
    names = ["T-shirt/top", "a class with a long name"]
    chart = plot_grid(np.zeros((2, 1, 8, 8)), 2, "", column_names=names)
    chart.canvas.draw()
    one, other = (label.get_window_extent() for label in chart.axes[0].get_xticklabels())
    assert one.x1 < other.x0
    assert other.y0 > 0


def test_points_have_a_colour_for_each_class_that_occurs():
    places = np.array([[0, 1], [2, 3], [4, 5.0]])
    (axes,) = plot_points(places, np.array([2, 0, 2]), ["a", "b", "c"], ("x", "y"), "title").axes
    found = {group.get_label(): np.asarray(group.get_offsets()).tolist() for group in axes.collections}
    assert found == {"a": [[2, 3]], "c": [[0, 1], [4, 5]]}


def history(elbos):
    return [
        {"epoch": epoch}
        | {
            f"{part}_{name}": value
            for part in ("train", "validation")
            for name, value in (
                ("loss", -elbo),
                ("elbo", elbo),
                ("reconstruction", -elbo - 20),
                ("kl", 20),
                ("mse", 0.1),
            )
        }
        for epoch, elbo in enumerate(elbos, 1)
    ]


def test_curves_of_an_autoencoder_show_elbo_reconstruction_and_kl():
    rows = history([-300, -250, -240, -235])
    chart = plot_history({"": rows}, best={"": 4})
    assert [axes.get_ylabel().split()[0] for axes in chart.axes] == ["ELBO", "Reconstruction", "KL"]
    curves = {curve.get_label(): list(curve.get_ydata()) for curve in chart.axes[0].lines}
    assert curves["train"] == [-300, -250, -240, -235]
    assert chart.axes[0].get_ylim()[0] < -300
    assert -235 < chart.axes[0].get_ylim()[1] < 0
    (axes,) = plot_history({"": rows}, style="d2l").axes
    assert [curve.get_label() for curve in axes.lines] == ["train elbo", "validation elbo"]


def test_first_epochs_far_away_do_not_flatten_the_curves():
    chart = plot_history({"": history([-1e7, -240, -239, -238, -237, -236, -235, -234])})
    low, high = chart.axes[0].get_ylim()
    assert -250 < low < -240
    assert -234 < high < -230


def test_negative_losses_beside_those_of_a_classifier_are_in_the_panel():
    classifier = [{"epoch": epoch, "train_loss": 2 / epoch, "test_loss": 2.5 / epoch} for epoch in (1, 2, 3)]
    chart = plot_history({"vae": history([100, 400, 500]), "classifier": classifier})
    (axes,) = [axes for axes in chart.axes if axes.get_ylabel() == "Loss"]
    low, high = axes.get_ylim()
    assert -600 < low < -500
    assert 2.5 < high < 100


def test_negative_losses_of_a_sweep_are_in_the_panel():
    (axes,) = plot_rates([1e-4, 1e-3, 1e-2, 1e-1], [600, 100, -310, 5000], [600, 200, -300, 900], None, None).axes
    low, high = axes.get_ylim()
    assert -400 < low < -310
    assert 600 < high < 900
    (axes,) = plot_rates([1e-4, 1e-3], [2.5, 2], [2.5, 2.2], None, None).axes
    assert axes.get_ylim() == pytest.approx((0, 3))


def test_line_of_an_epoch_leaves_out_loss_and_error():
    (row,) = history([-240.25])
    assert metrics_line(row) == (
        "train elbo -240.2, train rec 220.2, train kl 20.000, "
        "validation elbo -240.2, validation rec 220.2, validation kl 20.000"
    )


def evaluation(**changes):
    bound = [{"samples": k, "value": -240.0 + k / 10, "standard_error": 0.5} for k in (1, 10)]
    values = {"elbo": -240.123, "elbo_error": 0.51, "reconstruction": 220.0, "kl": 20.123, "bits_per_dim": None}
    values |= {"model": "vae-small", "likelihood": "bernoulli", "examples": 1000, "bound": bound}
    return AutoencoderEvaluation(**values | {"active_units": 7, "latent_dim": 32} | changes)


def test_evaluation_is_a_narrow_table():
    lines = str(evaluation()).splitlines()
    assert lines[0] == "vae-small, likelihood bernoulli, 1,000 test images, nats per image"
    assert lines[3].split() == ["ELBO", "-240.12", "0.51"]
    assert lines[6].split() == ["IWAE", "bound,", "1", "sample", "-239.90", "0.50"]
    assert lines[7].split() == ["IWAE", "bound,", "10", "samples", "-239.00", "0.50"]
    assert lines[8].split() == ["active", "units", "7", "of", "32"]
    assert max(map(len, lines)) < 80
    assert len(lines) == 9


def test_evaluation_shows_bits_and_published_values_if_there_are_any():
    text = str(evaluation(bits_per_dim=3.21, published={"loss": 1794.7, "kl": 32.8}))
    found = dict(re.findall(r"^(bits per dimension|.*, as published) +(\S+)$", text, re.M))
    assert found == {"bits per dimension": "3.2100", "loss, as published": "1794.70", "KL, as published": "32.80"}
    assert evaluation().to_dict()["bound"][1]["samples"] == 10


def test_evaluation_of_one_image_has_no_standard_errors():
    bound = [{"samples": 1, "value": -240.0, "standard_error": None}]
    found = evaluation(examples=1, elbo_error=None, bound=bound, part="validation")
    lines = str(found).splitlines()
    assert lines[0].endswith(", 1 validation image, nats per image")
    assert lines[3].split() == ["ELBO", "-240.12"]
    assert lines[6].split() == ["IWAE", "bound,", "1", "sample", "-240.00"]
    assert found.to_dict()["elbo_error"] is None
