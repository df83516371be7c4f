"""The figures of an autoencoder show the images and codes that it computes."""

import numpy as np
import PIL.Image
import pytest
from autoencoder_runs import RECIPE, pixels, tiles

from py_djl_resnet import UsageError, train
from py_djl_resnet.autoencoder import (
    evaluated_images,
    plot_interpolation,
    plot_latent,
    plot_reconstructions,
    plot_samples,
    plot_traversal,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(recipe=RECIPE, out=tmp_path_factory.mktemp("vae") / "run", progress=False)


@pytest.mark.parametrize(
    ("arguments", "plot"),
    [
        (["sample", "--n", "20", "--seed", "3"], lambda *of: plot_samples(*of, n=20, seed=3)),
        (
            ["reconstruct", "--n", "9", "--limit", "20"],
            lambda run, file: plot_reconstructions(run, None, file, n=9, limit=20),
        ),
        (["interpolate", "0", "7", "--n", "5"], lambda run, file: plot_interpolation(run, 0, 7, None, file, n=5)),
        (
            ["traverse", "--limit", "30", "--image", "4"],
            lambda run, file: plot_traversal(run, None, file, limit=30, image=4),
        ),
        (["latent", "--limit", "30"], lambda run, file: plot_latent(run, None, file, limit=30)),
    ],
)
def test_command_draws_into_the_run_folder(command, run, tmp_path, arguments, plot):
    action, *rest = arguments
    figure = run.folder / "figures" / f"vae-{action}.png"
    assert not figure.exists()
    code, out, err = command("vae", action, run.folder, *rest)
    assert (code, out) == (0, ""), err
    assert err.endswith(f"figure: {figure}\n")
    plot(run.folder, tmp_path / "expected.png")
    np.testing.assert_array_equal(pixels(figure), pixels(tmp_path / "expected.png"))
    assert command("vae", action, run.folder, *rest, "--out", "mine.svg")[0] == 0
    assert (tmp_path / "mine.svg").read_bytes().startswith(b"<?xml")


def check_images(found, expected):
    """Compares images (N, 8, 8) with the expected (N, 1, 8, 8), which must differ from each other."""
    expected = expected[:, 0]
    apart = [np.abs(one - other).max() for at, one in enumerate(expected) for other in expected[:at]]
    assert min(apart) > 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.fixture(scope="module")
def tested(run):
    """The first 30 test images, their labels, and the means of their codes."""
    data = evaluated_images(run.model, None, None, 30)
    x, labels = data.pixels(range(30)), data.labels(range(30))
    return x, labels, run.model.encode(x, labels)[0].astype(np.float64)


def test_figure_of_samples_has_them_row_after_row(run):
    found = tiles(plot_samples(run.model, n=20, seed=3), columns=10)
    check_images(found.reshape(-1, 8, 8), run.model.sample(20, seed=3))


def test_figure_of_reconstructions_has_them_below_their_images(run, tested):
    x, labels, _ = tested
    chart = plot_reconstructions(run.model, n=11, seed=5, limit=30)
    found = tiles(chart, columns=8)
    assert [label.get_text() for label in chart.axes[0].get_yticklabels()] == ["image", "reconstruction"] * 2
    images, restored = found[::2].reshape(-1, 8, 8), found[1::2].reshape(-1, 8, 8)
    # which test images these are
    distances = np.abs(images[:11, np.newaxis] - x[:, 0]).max(axis=(2, 3))
    chosen = distances.argmin(axis=1)
    assert (np.diff(chosen) > 0).all()
    check_images(images[:11], x[chosen])
    check_images(restored[:11], run.model.reconstruct(x[chosen], labels[chosen]))
    assert (images[11:] == 1).all()
    assert (restored[11:] == 1).all()
    other = tiles(plot_reconstructions(run.model, n=11, seed=6, limit=30), columns=8)
    assert np.abs(other[0] - found[0]).max() > 0.1


def test_figure_of_an_interpolation_leads_from_a_to_b(run, tested):
    x, labels, means = tested
    assert labels[0] != labels[7]
    chart = plot_interpolation(run.model, 0, 7, n=5)
    found = tiles(chart, columns=7)
    codes = [(1 - share) * means[0] + share * means[7] for share in (0, 0.25, 0.5, 0.75, 1)]
    between = run.model.decode(np.array(codes, np.float32), labels[[0, 0, 0, 7, 7]])
    check_images(found[0], np.concatenate([x[:1], between, x[7:8]]))
    names = [label.get_text() for label in chart.axes[0].get_xticklabels()]
    assert names == ["A", "0", "0.25", "0.5", "0.75", "1", "B"]


@pytest.mark.parametrize("a", [0, "image"])
def test_interpolation_of_arrays_is_rejected(run, tested, a):
    if a == "image":
        a = PIL.Image.new("L", (28, 28))
    with pytest.raises(UsageError, match=r"b must be an image\. Received: ndarray\. Allowed: the index .* PIL\.Image"):
        plot_interpolation(run.model, a, tested[0][1])


def test_figure_of_a_traversal_has_the_most_active_dimensions(run, tested):
    _, labels, means = tested
    chart = plot_traversal(run.model, n=3, image=4, limit=30)
    found = tiles(chart, columns=11)
    variances = means.var(axis=0, ddof=1)
    order = np.argsort(variances)[::-1][:3]
    codes = np.tile(means[4], (3, 11, 1))
    for row, dimension in enumerate(order):
        codes[row, :, dimension] = [-3, -2.4, -1.8, -1.2, -0.6, 0, 0.6, 1.2, 1.8, 2.4, 3]
    expected = run.model.decode(codes.reshape(33, 5).astype(np.float32), np.full(33, labels[4]))
    check_images(found.reshape(-1, 8, 8), expected)
    names = [label.get_text() for label in chart.axes[0].get_yticklabels()]
    assert names == [f"dimension {dimension} ({variances[dimension]:.2f})" for dimension in order]


def test_figure_of_codes_has_their_principal_components(run, tested):
    _, labels, means = tested
    (axes,) = plot_latent(run.model, limit=30).axes
    centred = means - means.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ directions[:2].T
    found = np.full((30, 2), np.nan)
    for points in axes.collections:
        found[labels == run.model.class_names.index(points.get_label())] = points.get_offsets()
    np.testing.assert_allclose(found * np.sign(found[0] * expected[0]), expected, atol=1e-5 * np.abs(expected).max())
    colours = {tuple(points.get_facecolor()[0]) for points in axes.collections}
    assert len(colours) == len(axes.collections) == len(set(labels))
    shares = lengths**2 / np.sum(lengths**2)
    assert axes.get_xlabel() == f"component 1 ({shares[0]:.1%} of the variance)"
    assert axes.get_ylabel() == f"component 2 ({shares[1]:.1%} of the variance)"


def test_samples_have_a_column_for_each_class(run):
    names = run.model.class_names
    (axes,) = plot_samples(run.model, n=12).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    (axes,) = plot_samples(run.model, n=3, labels="Bag").axes
    assert axes.get_title() == "Samples of vae-small, class Bag"
    assert axes.get_xticks().size == 0
    assert axes.images[0].get_array().shape == (8, 28)
