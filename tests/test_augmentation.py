"""Augmentation of training images, against numpy written from the definitions, and test-time augmentation."""

import json

import numpy as np
import pytest

import py_djl_resnet as resnet
from py_djl_resnet import Recipe, UsageError
from py_djl_resnet.datasets import checked_examples, from_arrays

COUNT, SIZE = 60, 10


@pytest.fixture(scope="module")
def images():
    """uint8, (N, 3, H, W), without black."""
    return np.random.default_rng(0).integers(1, 256, (COUNT, 3, SIZE, SIZE), dtype=np.uint8)


@pytest.fixture
def augmented(jvm, images):
    """Returns a function from augmentations and an epoch to the augmented images."""
    labels = np.arange(COUNT) % 2
    examples = from_arrays(checked_examples(images, labels, "train", None), ["a", "b"], "train")

    def augment(*texts, epoch=0, seed=0, order=None, **settings):
        recipe = Recipe(model="cifar-resnet20", augment=texts, seed=seed, **settings).to_json()
        indices = list(range(COUNT)) if order is None else order
        with jvm.translated_errors():
            sheet = jvm.bridge().sheet(examples)
            answer = sheet.inputs(recipe, indices, epoch)
            shape = (len(indices), *sheet.inputShape(sheet.preprocessing(recipe)))
        # rounded as Java does
        return np.floor(255 * jvm.from_direct_buffer(answer, shape, np.dtype(np.float32)) + 0.5).astype(np.uint8)

    return augment


def test_no_augmentation_leaves_images_alone(augmented, images):
    np.testing.assert_array_equal(augmented(), images)


def test_flip_mirrors_columns(augmented, images):
    np.testing.assert_array_equal(augmented("flip:1"), images[..., ::-1])


def test_alternating_flip_shows_both_sides_in_two_epochs(augmented, images):
    first, second = augmented("alternating-flip"), augmented("alternating-flip", epoch=1)
    np.testing.assert_array_equal(second, first[..., ::-1])
    flipped = (first == images[..., ::-1]).all((1, 2, 3))
    np.testing.assert_array_equal(first[~flipped], images[~flipped])
    assert 15 < flipped.sum() < 45


@pytest.mark.parametrize(
    ("text", "mode"), [("crop:3", "constant"), ("crop:3:reflect", "reflect"), ("translate:3", "reflect")]
)
def test_crop_is_a_window_of_the_padded_image(augmented, images, text, mode):
    padded = np.pad(images, ((0, 0), (0, 0), (3, 3), (3, 3)), mode=mode)
    windows = [(y, x) for y in range(7) for x in range(7)]
    places = []
    for found, whole in zip(augmented(text), padded, strict=True):
        equal = [w for w in windows if (whole[:, w[0] : w[0] + SIZE, w[1] : w[1] + SIZE] == found).all()]
        assert len(equal) == 1
        places += equal
    assert {y for y, _ in places} == {x for _, x in places} == set(range(7))


def test_cutout_blackens_a_square_around_a_pixel(augmented, images):
    squares = set()
    for y in range(SIZE):
        for x in range(SIZE):
            mask = np.zeros((SIZE, SIZE), bool)
            mask[max(y - 2, 0) : y + 2, max(x - 2, 0) : x + 2] = True
            squares.add(mask.tobytes())
    for found, image in zip(augmented("cutout:4"), images, strict=True):
        black = (found == 0).all(0)
        assert black.tobytes() in squares
        np.testing.assert_array_equal(found, np.where(black, 0, image))


def test_brightness_multiplies_by_one_factor_per_image(augmented, images):
    found = augmented("brightness:0.5").astype(float)
    dark = images < 150  # not clipped by factors up to 1.5
    factors = np.array([np.median(found[i][dark[i]] / images[i][dark[i]]) for i in range(COUNT)])
    assert ((factors > 0.49) & (factors < 1.51)).all()
    assert factors.std() > 0.2
    expected = np.clip(images * factors[:, None, None, None], 0, 255)
    assert np.abs(found - expected).max() < 2.5  # the factor is known from rounded pixels


def grey(images):
    """Pillow's grey, (N, 1, H, W)."""
    red, green, blue = (images[:, i : i + 1].astype(np.int64) for i in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(float)


@pytest.mark.parametrize("name", ["contrast", "saturation"])
def test_contrast_and_saturation_move_pixels_from_their_grey(augmented, images, name):
    centres = grey(images) if name == "saturation" else grey(images).mean((2, 3), keepdims=True)
    found = augmented(f"{name}:0.4").astype(float)
    distances = images - centres
    factors = np.sum((found - centres) * distances, (1, 2, 3)) / np.sum(distances**2, (1, 2, 3))
    assert factors.std() > 0.1
    for i in range(COUNT):
        # clipping hides the factor above 1, so look for it
        errors = {
            f: np.abs(np.clip(centres[i] + f * distances[i], 0, 255) - found[i]).max()
            for f in np.arange(0.6, 1.4, 0.002)
        }
        assert min(errors.values()) < 1


def test_mixup_and_cutmix_use_the_next_image(augmented, images):
    order = [5, 9, 2, 40]
    own, other = images[order].astype(float), images[[9, 2, 40, 5]].astype(float)
    found = augmented("mixup:1", order=order)
    share = np.sum((found - other) * (own - other)) / np.sum((own - other) ** 2)
    assert 0.01 < share < 0.99
    assert np.abs(share * own + (1 - share) * other - found).max() < 1
    cuts = [augmented("cutmix:1", order=order, seed=seed) for seed in range(9)]
    cut = next(cut for cut in cuts if (cut != own).mean() > 0.1)
    taken = (cut != own).any((0, 1))
    rows, columns = np.flatnonzero(taken.any(1)), np.flatnonzero(taken.any(0))
    box = np.zeros((SIZE, SIZE), bool)
    box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    np.testing.assert_array_equal(cut, np.where(box, other, own))


def test_changes_follow_resizing(augmented, images):
    whole = augmented(image_size=20)
    assert whole.shape == (COUNT, 3, 20, 20)
    np.testing.assert_array_equal(augmented("flip:1", image_size=20), whole[..., ::-1])
    assert augmented("resized-crop", image_size=20).shape == whole.shape


def test_changes_depend_on_seed_epoch_and_example_only(augmented):
    texts = ("resized-crop:0.5", "trivial", "rotate:20", "erase:0.5")
    whole = augmented(*texts, epoch=3)
    np.testing.assert_array_equal(augmented(*texts, epoch=3, order=[7, 50]), whole[[7, 50]])
    assert (augmented(*texts, epoch=4) != whole).any((1, 2, 3)).mean() > 0.9
    assert (augmented(*texts, epoch=3, seed=1) != whole).any((1, 2, 3)).mean() > 0.9


def test_recipe_takes_a_list_or_a_text():
    recipe = Recipe(augment=["crop:4", "flip"])
    assert recipe.augment == ("crop:4", "flip")
    assert recipe == Recipe(augment="crop:4, flip") == Recipe.from_json(recipe.to_json())
    assert json.loads(recipe.to_json())["augment"] == ["crop:4", "flip"]
    assert Recipe(augment="none") == Recipe()
    assert recipe.checked() == recipe


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (["crp:4"], "Received: 'crp:4'. Did you mean 'crop:PIXELS[:reflect]'? Allowed: crop:PIXELS[:reflect], "),
        ("crop:0", "Received: 'crop:0'. Allowed: crop:PIXELS or crop:PIXELS:reflect, with 1 to 1024 pixels"),
        (4, 'Invalid value for "augment". Received: 4. Allowed: a list of augmentations such as'),
        ([4], 'Invalid value for "augment". Received: a list. Allowed: a list of augmentations such as'),
    ],
)
def test_recipe_rejects_unknown_augmentations(augment, message):
    with pytest.raises(UsageError) as raised:
        Recipe(augment=augment).checked()
    assert message in str(raised.value)


def test_training_augments_and_float_images_are_rejected(images, tmp_path):
    labels = np.arange(COUNT) % 2
    recipe = Recipe(model="cifar-resnet20", epochs=1, batch_size=20, augment=["crop:2", "flip", "mixup:0.5"])
    run = resnet.train(dataset=(images, labels, images[:20], labels[:20]), recipe=recipe, progress=False)
    assert run.history[-1]["train_loss"] > 0
    assert 0 <= run.history[-1]["train_accuracy"] <= 1
    floats = images / np.float32(255)
    data = (floats, labels, floats[:20], labels[:20])
    with pytest.raises(UsageError, match=r"Augmentations change images of bytes\. Received: float32 images\."):
        resnet.train(dataset=data, recipe=recipe, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def views(pixels, shift):
    """Images moved by one pixel along both axes, with reflected borders."""
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    return padded[..., 1 - shift : 1 - shift + SIZE, 1 - shift : 1 - shift + SIZE]


def test_tta_averages_logits(jvm, images):
    with resnet.create_model("cifar-resnet20", classes=5) as model:
        x = images[:8] / np.float32(255)

        def mirrored(pixels):
            pixels = np.ascontiguousarray(pixels)
            return (model(pixels) + model(np.ascontiguousarray(pixels[..., ::-1]))) / 2

        expected = mirrored(x) / 2 + (mirrored(views(x, 1)) + mirrored(views(x, -1))) / 4
        labels = np.arange(8) % 5
        result = resnet.evaluate(model, (images[:8], labels), preprocessing="plain:10", tta="flip,shift")
        losses = np.log(np.exp(expected).sum(1)) - expected[np.arange(8), labels]
        assert result.loss == pytest.approx(losses.mean(), rel=1e-4)
        plain = resnet.evaluate(model, (images[:8], labels), preprocessing="plain:10")
        assert plain.loss != pytest.approx(result.loss, rel=1e-5)

        pixels = [image.transpose(1, 2, 0) for image in images[:8]]
        predictions = model.predict(pixels, top_k=5, preprocessing="plain:10", tta="flip,shift")
        probabilities = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
        for prediction, wanted in zip(predictions, probabilities, strict=True):
            assert dict(prediction.top) == pytest.approx({str(i): wanted[i] for i in range(5)}, rel=1e-3)


@pytest.mark.parametrize("wrong", ["flop", "", "flip,flop", 3])
def test_tta_rejects_unknown_views(trained, wrong):
    with pytest.raises(UsageError, match=r"tta|Unknown view for test-time augmentation\. Received: "):
        resnet.evaluate(trained.model, tta=wrong)
    with pytest.raises(UsageError, match=r"tta|Unknown view for test-time augmentation\. Received: "):
        resnet.predict(trained.model, np.zeros((28, 28), np.uint8), tta=wrong)
