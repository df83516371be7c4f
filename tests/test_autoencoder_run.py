"""A run of an autoencoder: its files and evaluation, with the command vae."""

import json
import shutil
import signal
import sys
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
from autoencoder_runs import RECIPE, pixels, tiles
from test_autoencoder import computed

from py_djl_resnet import Run, UsageError, evaluate_autoencoder, find_lr, load, train
from py_djl_resnet.autoencoder import (
    evaluated_images,
    plot_interpolation,
    plot_reconstructions,
    plot_samples,
)
from py_djl_resnet.cli.vae import _sample
from py_djl_resnet.report import draw


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    found = train(recipe=RECIPE, out=tmp_path_factory.mktemp("vae") / "run", progress=False)
    draw(found, found.folder)
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    recipe = RECIPE.replace(objective="keng2017", conditional=False, limit=64)
    return train(recipe=recipe, out=tmp_path_factory.mktemp("vae") / "published", progress=False)


def test_report_has_samples_and_reconstructions(run):
    assert run.is_autoencoder
    assert run.predictions is None
    assert Run.open(run.folder).is_finished
    figures = {file.name for file in (run.folder / "figures").iterdir()}
    assert figures == {"metrics.png", "metrics.html", "samples.png", "reconstructions.png"}
    page = (run.folder / "report.html").read_text()
    for name in ("metrics.png", "samples.png", "reconstructions.png"):
        assert f'src="figures/{name}"' in page
    assert "on the test data: elbo " in page
    assert "Misclassified" not in page


def test_figures_of_an_opened_run_are_drawn_again(command, run):
    figures = run.folder / "figures"
    before = {name: pixels(figures / name) for name in ("samples.png", "reconstructions.png")}
    for name in before:
        (figures / name).unlink()
    assert command("plot", run.folder)[0] == 0
    for name, image in before.items():
        np.testing.assert_array_equal(pixels(figures / name), image)


def test_opened_run_shows_the_best_network(command, run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run.folder, folder)
    (folder / "last.safetensors").write_bytes(b"not needed")
    assert command("plot", folder)[0] == 0
    best = load(run.folder / "best.safetensors").state_dict()
    for name, values in Run.open(folder).final_model.state_dict().items():
        np.testing.assert_array_equal(values, best[name])


def test_run_of_an_autoencoder_has_no_mistakes(run):
    with pytest.raises(UsageError, match="An autoencoder has no predictions"):
        run.plot_mistakes()


def test_exported_weights_start_a_run_and_are_not_imported(rejected, command, run):
    assert command("export", run.folder, "--format", "safetensors", "--out", "vae.safetensors")[0] == 0
    _, line = rejected("import", "vae.safetensors", "--model", "vae-small", "--out", "net.safetensors")
    assert line.startswith(
        "The weights of an autoencoder are not imported. Received: vae-small. Load a checkpoint with"
    )


def test_training_ends_with_lines_of_its_metrics(command, run):
    code, out, err = command("train", "--resume", run.folder)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("loss ")
    assert "train elbo " in lines[0]
    assert lines[2].startswith("best.safetensors: epoch ")
    assert ", validation elbo " in lines[2]
    assert lines[3].split(": ")[1].startswith("test elbo ")


def test_last_lines_wrap_in_a_narrow_terminal(command, run, monkeypatch):
    monkeypatch.setattr("py_djl_resnet._process.terminal.width", lambda stream: 40)
    lines = command("train", "--resume", run.folder)[1].splitlines()
    own = lines[: next(index for index, line in enumerate(lines) if line.startswith("run folder: "))]
    assert max(map(len, own)) <= 40
    assert [line.startswith("  ") for line in own[:3]] == [False, True, True]


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_evaluation_shows_progress_and_stops_on_a_signal(run, monkeypatch, capsys, number, ending):
    states = []

    def interrupted(_, state, ended):
        if not states:
            signal.raise_signal(number)
        states.append(state)

    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with monkeypatch.context() as patch:
            patch.setattr("py_djl_resnet._measuring.PointProgress.show", interrupted)
            with pytest.raises(ending):
                evaluate_autoencoder(run.model, samples=[1000], limit=100, progress=True)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert states[-1]["done"] < states[-1]["total"] == 100 * 1001
    assert evaluate_autoencoder(run.model, samples=[2], limit=100, progress=True).examples == 100
    assert "300 of 300 codes" in capsys.readouterr().err


def test_evaluation_agrees_with_numpy(run):
    model = run.model
    found = evaluate_autoencoder(model, samples=[1, 3, 50], limit=100)
    data = evaluated_images(model, None, None, 100)
    mean, log_variance = data.codes(range(100))
    kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=1)
    assert found.kl == pytest.approx(kl.mean(), rel=1e-4)
    assert found.active_units == (mean.var(axis=0, ddof=1) > 0.01).sum()
    assert (found.examples, found.latent_dim, found.likelihood) == (100, 5, "bernoulli")
    x, labels = data.pixels(range(100)), data.labels(range(100))
    log_likelihoods = []
    for noise in np.random.default_rng(0).standard_normal((20, *mean.shape)):
        decoded = np.clip(model.decode(mean + np.exp(log_variance / 2) * noise, labels), 1e-7, 1 - 1e-7)
        log_likelihoods.append((x * np.log(decoded) + (1 - x) * np.log1p(-decoded)).sum(axis=(1, 2, 3)))
    reconstruction = -np.mean(log_likelihoods)
    spread = np.std(log_likelihoods, axis=0).mean() / np.sqrt(100)
    assert found.reconstruction == pytest.approx(reconstruction, abs=5 * spread)
    assert found.elbo == pytest.approx(-found.reconstruction - found.kl)
    bounds = [row["value"] for row in found.bound]
    assert bounds == sorted(bounds)
    assert bounds[0] == pytest.approx(-reconstruction - kl.mean(), abs=10 * spread)
    assert found.bits_per_dim is None


def test_uint8_images_are_prepared_as_in_training(run):
    data = evaluated_images(run.model, None, None, 4)
    raw = data.examples
    from py_djl_resnet.predictions import images_of

    bytes_of = (np.stack(images_of(raw, range(4))) * 255).round().astype(np.uint8)
    assert bytes_of.shape == (4, 1, 28, 28)
    labels = data.labels(range(4))
    for found, expected in zip(run.model.encode(bytes_of, labels), data.codes(range(4)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_labels_are_numbers_or_names(run):
    model, codes = run.model, np.ones((3, 5), np.float32)
    boots = model.decode(codes, 9)
    np.testing.assert_array_equal(model.decode(codes, "Ankle boot"), boots)
    np.testing.assert_array_equal(model.decode(codes, [9, 9, 9]), boots)
    np.testing.assert_array_equal(model.decode(codes, np.array(9)), boots)
    assert repr(model).endswith("latent_dim=5, conditional=True)")
    assert np.abs(model.decode(codes, "Bag") - boots).max() > 1e-6
    in_turn = model.sample(12, 1)
    np.testing.assert_array_equal(in_turn, model.sample(12, 1, [*range(10), 0, 1]))
    for labels, message in (
        (None, r"Give labels\. Allowed: 'T-shirt/top', 'Trouser', .*'Shirt', and 3 more\.$"),
        ("Boot", r"Unknown class\. Received: 'Boot'.* Allowed: 0 to 9, 'T-shirt/top', .*, and 3 more\.$"),
        (10, r"labels must number the classes .* Received: 10 at index 0\. Allowed: 0 to 9"),
        (-1, r"labels must number the classes .* Received: -1 at index 0\. Allowed: 0 to 9"),
        (True, r"labels must be class numbers or names\. Received: True\. Allowed: 0 to 9, 'T-shirt"),
        (np.zeros(3, bool), r"labels must be class numbers or names\. Received: .*False.*\. Allowed: 0 to 9"),
        ([1, 2], r"labels must match the images\. Received: 2 labels for 3"),
    ):
        with pytest.raises(UsageError, match=message):
            model.decode(codes, labels)


def test_onnx_files_take_labels(run, tmp_path):
    run.model.export(tmp_path / "vae.onnx", "onnx")
    codes = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    labels = np.array([0, 3, 9, 3], np.int32)
    found = computed(tmp_path / "vae-decoder.onnx", codes, labels)["images"]
    np.testing.assert_allclose(found, run.model.decode(codes, labels), atol=1e-4)
    x = np.random.default_rng(1).random((4, 1, 8, 8), np.float32)
    found = computed(tmp_path / "vae-encoder.onnx", x, labels)
    np.testing.assert_allclose(found["mean"], run.model.encode(x, labels)[0], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_onnx_encoder_prepares_bytes_of_any_size(command, run, tmp_path, channels):
    code, _, err = command("export", run.folder, "--format", "onnx", "--with-preprocessing", "--out", "vae.onnx")
    assert code == 0, err
    images = np.random.default_rng(2).integers(0, 256, (4, 5, 6, channels), np.uint8)
    images = images.repeat(8, axis=1).repeat(8, axis=2)
    labels = np.array([0, 3, 9, 3], np.int32)
    found = computed(tmp_path / "vae-encoder.onnx", images, labels)
    # as Pillow makes them grey and small
    grey = [PIL.Image.fromarray(image.squeeze()).convert("L") for image in images]
    small = [np.asarray(image.convert("F").resize((8, 8), PIL.Image.Resampling.BILINEAR)) for image in grey]
    x = np.stack(small)[:, np.newaxis].clip(0, 255) / 255
    for name, expected in zip(("mean", "log_variance"), run.model.encode(x, labels), strict=True):
        np.testing.assert_allclose(found[name], expected, atol=1e-4)
    codes = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    images = computed(tmp_path / "vae-decoder.onnx", codes, labels)["images"]
    np.testing.assert_allclose(images, run.model.decode(codes, labels), atol=1e-4)


def test_command_writes_the_evaluation(command, run, tmp_path):
    options = ("--samples", "1,4", "--limit", "50", "--out", "vae.json")
    code, out, err = command("vae", "evaluate", run.folder, *options)
    assert code == 0, err
    assert out.startswith("vae-small, likelihood bernoulli, 50 test images, nats per image\n\nmeasure ")
    form = json.loads((tmp_path / "vae.json").read_text())
    assert [row["samples"] for row in form["bound"]] == [1, 4]
    assert form["examples"] == 50
    code, out, _ = command("vae", "evaluate", run.folder, *options[:-1], "other.json", "--json")
    assert json.loads(out) == form
    code, _, err = command("vae", "evaluate", run.folder, *options)
    assert (code, "vae.json already exists" in err) == (2, True)


def test_arguments_of_the_command_are_checked(rejected, trained, run, published, tmp_path):
    for name in ("0.png", "1.png"):
        PIL.Image.new("RGB", (8, 8)).save(tmp_path / name)
    for arguments, message in (
        (("sample", trained.folder), "This network is a classifier"),
        (("latent", run.folder, "--dataset", "mnist"), "--dataset needs --out FILE"),
        (("interpolate", run.folder, "0", "10000"), "B must be a whole number. Received: 10000. Allowed: 0 to 9999."),
        (("interpolate", run.folder, "-1", "2"), "A must be a whole number. Received: -1. Allowed: 0 to 9999."),
        (("interpolate", run.folder, "0", "0.png"), "Received: '0.png'. Allowed: indices of test images."),
        (("traverse", run.folder, "--n", "6"), "--n must be a whole number. Received: 6. Allowed: 1 to 5."),
        (
            ("evaluate", run.folder, "--samples", "0"),
            "--samples must be a whole number. Received: 0. Allowed: 1 to 1000.",
        ),
        (("traverse", run.folder, "--limit", "9", "--image", "9"), "--image must be a whole number. Received: 9."),
        (("interpolate", run.folder, "0", "none.png"), "none.png does not exist"),
        (("evaluate", run.folder, "--out", "a.txt"), "--out must be a .json file"),
        (("sample", run.folder, "--label", "Boot"), "Unknown class"),
        (("sample", published.folder, "--label", "1"), "--label needs a conditional network. Received: vae-small."),
        (("interpolate", run.folder, "0.png", "1.png", "--limit", "9"), "Two images need no data set. Omit dataset"),
    ):
        code, line = rejected("vae", *arguments)
        assert code == 2
        assert message in line
    code, line = rejected("export", run.folder, "--format", "onnx", "--out", "folder/")
    assert (code, "folder/ is a folder. Give a file." in line) == (2, True)


@pytest.mark.parametrize(("label", "chosen"), [("2", "2"), ("0", 0), ("one", "one")])
def test_class_may_be_named_by_a_number(monkeypatch, label, chosen):
    drawn = {}
    monkeypatch.setattr("py_djl_resnet.autoencoder.plot_samples", lambda *_, **options: drawn.update(options))
    info = {"model": "vae-small", "autoencoder": {"conditional": True}, "class_names": ["1", "2", "one"]}
    _sample(SimpleNamespace(info=info), None, SimpleNamespace(label=label, n=1, seed=0))
    assert drawn["labels"] == chosen


def test_learning_rate_is_found():
    sweep = find_lr(recipe=RECIPE.replace(objective="gaussian"), start=1e-4, end=0.1, steps=20, progress=False)
    assert np.isfinite(sweep.losses).all()
    # a Gaussian's loss soon becomes negative
    assert sweep.losses[-1] < sweep.losses[0]
    assert len(sweep.losses) == 20


def test_published_design_has_both_divergences(published):
    model = published.model
    assert model.info["autoencoder"]["published"]
    found = evaluate_autoencoder(model, samples=[1], limit=50)
    mean, log_variance = evaluated_images(model, None, None, 50).codes(range(50))
    of_the_loss = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1).mean()
    # codes have a standard deviation of exp(log_variance)
    drawn = 0.5 * (mean**2 + np.exp(2 * log_variance) - 1 - 2 * log_variance).sum(axis=1).mean()
    assert abs(drawn - of_the_loss) > 0.01 * of_the_loss
    assert found.kl == pytest.approx(drawn, rel=1e-4)
    assert found.published["kl"] == pytest.approx(of_the_loss, rel=1e-4)
    assert found.published["loss"] == pytest.approx(found.reconstruction + of_the_loss, rel=1e-4)


def test_interpolation_of_image_files(command, published, tmp_path):
    for number in range(2):
        PIL.Image.new("RGB", (20, 16), (200 * number, 40, 90)).save(tmp_path / f"{number}.png")
    code, _, err = command("vae", "interpolate", published.folder, "0.png", "1.png")
    assert code == 0, err
    assert (published.folder / "figures/vae-interpolate.png").is_file()
    (row,) = tiles(plot_interpolation(published.model, "0.png", "1.png", n=3), columns=5)
    for image, red in ((row[0], 0), (row[-1], 200)):
        np.testing.assert_allclose(image, round(0.299 * red + 0.587 * 40 + 0.114 * 90) / 255, atol=1e-6)


def test_run_without_test_images_shows_validation_images(jvm, command, tmp_path):
    for name, colour in (("cats", 40), ("dogs", 200)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(12):
            image = PIL.Image.new("RGB", (8, 8), (colour, 10 * number, 90))
            image.save(tmp_path / "pets" / name / f"{number}.png")
    recipe = RECIPE.replace(dataset=f"folder:{tmp_path / 'pets'}", validation=0.25, epochs=1, limit=None)
    found = train(recipe=recipe, out=tmp_path / "run", progress=False)
    assert evaluate_autoencoder(found.model, samples=[1]).part == "validation"
    code, out, err = command("vae", "evaluate", found.folder, "--samples", "1")
    assert (code, ", 6 validation images, nats" in out) == (0, True), err
    (axes,) = plot_reconstructions(found.model).axes
    assert axes.get_title() == "Validation images and their reconstructions by vae-small"
    # two classes fill a row of eight
    (axes,) = plot_samples(found.model, n=16).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cats", "dogs"] * 4
    found.model.close()
