"""Weights of other programs: what is taken, what is coped with, what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest
from state_files import random_state, read_safetensors, write_raw, write_safetensors

from py_djl_resnet import Recipe, ResnetWarning, UsageError, create_model, load, train

NAME = "cifar-resnet20+option_b"
TENSORS = 107


@pytest.fixture(scope="module")
def made():
    with create_model(NAME, in_channels=3, classes=7, seed=5) as model:
        return random_state(model.state_dict())


@pytest.fixture
def state(made):
    """A state dict with 7 classes, 3 channels and the counts of a training."""
    return {name: array.copy() for name, array in made.items()}


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((2, 3, 32, 32), np.float32)


def equal(left, right):
    assert list(left) == list(right)
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name], err_msg=name)


def test_imported_and_exported_tensors_have_the_same_bytes(command, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, out, _ = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 0
    assert out.splitlines() == [
        f"{NAME}, 3 channels, 7 classes",
        f"taken: {TENSORS} tensors of theirs.safetensors",
        "preprocessing: unknown; give --preprocessing here, or with predict, evaluate and export",
        "checkpoint: ours.safetensors",
    ]
    code, out, _ = command("export", "ours.safetensors", "--format", "safetensors", "--out", "back.safetensors")
    assert (code, out) == (0, f"{NAME}, 3 channels, 7 classes: back.safetensors\n")
    back = read_safetensors(tmp_path / "back.safetensors")
    assert back.keys() == state.keys()
    for name, array in state.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes(), name


def test_trained_weights_travel_out_and_in_again(arrays, tmp_path, state, pictures):
    del state["fc.weight"], state["fc.bias"]
    state |= {"fc.weight": np.zeros((9, 64), np.float32), "fc.bias": np.zeros(9, np.float32)}
    write_safetensors(tmp_path / "theirs.safetensors", state)
    with create_model(NAME, classes=2, weights=tmp_path / "theirs.safetensors", new_head=True) as model:
        model.save(tmp_path / "start.safetensors")
    x, y, test_x, test_y = arrays
    x, test_x = (np.repeat(part, 3, 1) for part in (x[:32], test_x))
    recipe = Recipe(model=NAME, weights=str(tmp_path / "start.safetensors"), epochs=1, batch_size=32, lr=0.01)
    with train(dataset=(x, y[:32], test_x, test_y), recipe=recipe, progress=False).model as trained:
        trained.export(tmp_path / "trained.safetensors")
        expected, logits = trained.state_dict(), trained(pictures)
    # one step: it began with these weights, moved a little, and counted one batch more
    assert 0 < np.abs(expected["conv1.weight"] - state["conv1.weight"]).max() < 0.5
    assert expected["bn1.num_batches_tracked"] == state["bn1.num_batches_tracked"] + 1
    with create_model(NAME, weights=tmp_path / "trained.safetensors") as again:
        equal(again.state_dict(), expected)
        np.testing.assert_array_equal(again(pictures), logits)


def test_training_that_cannot_begin_with_the_weights_says_so(refused, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    tiny = ("--limit", "64", "--batch-size", "32", "--epochs", "1", "--out", "mine")
    code, message = refused("train", "--model", NAME, "--weights", "theirs.safetensors", *tiny)
    assert code == 2
    assert "theirs.safetensors does not contain the tensors of a" in message
    assert "conv1.weight is F32 [16, 3, 3, 3], not F32 [16, 1, 3, 3]" in message
    assert "fc.bias is F32 [7], not F32 [10]" in message
    assert not (tmp_path / "mine").exists()


def test_prefix_and_missing_counts_are_coped_with(tmp_path, state):
    wrapped = {f"module.{name}": array for name, array in state.items() if array.dtype == np.float32}
    write_safetensors(tmp_path / "wrapped.safetensors", wrapped, {"format": "pt"})
    with create_model(NAME, weights=tmp_path / "wrapped.safetensors") as model:
        assert (model.in_channels, model.classes) == (3, 7)
        assert model.info["import"]["prefix"] == "module."
        found = model.state_dict()
    assert found["bn1.num_batches_tracked"] == 0
    for name, array in state.items():
        if array.dtype == np.float32:
            np.testing.assert_array_equal(found[name], array)


def test_every_half_and_bfloat16_becomes_its_float32(tmp_path, state):
    """All 2^16 numbers of each type, those that are not finite too, against numpy and the type's definition."""
    every = np.arange(2**16, dtype=np.uint16)
    names = ["layer1.0.conv1.weight", "layer3.1.conv1.weight", "layer3.1.conv2.weight"]
    halves = np.resize(every.view(np.float16), state[names[1]].size * 2).reshape(2, 64, 64, 3, 3)
    upper = np.resize(every, state[names[1]].size * 2).reshape(2, 64, 64, 3, 3)
    assert halves[0].size + halves[1].size > 2**16
    for kind, values, expected in [
        ("F16", halves.view(np.uint16), halves.astype(np.float32)),
        ("BF16", upper, (upper.astype(np.uint32) << 16).view(np.float32)),
    ]:
        changed = state | {names[1]: (kind, values[0]), names[2]: (kind, values[1])}
        changed[names[0]] = state[names[0]].astype(np.float64) / 3
        write_safetensors(tmp_path / "mixed.safetensors", changed)
        with pytest.warns(ResnetWarning, match=f"{names[1]}, {names[2]} hold NaN or infinite numbers"):
            model = create_model(NAME, weights=tmp_path / "mixed.safetensors")
        with model:
            found = model.state_dict()
            assert model.info["import"]["converted"] == {kind: 2, "F64": 1}
        np.testing.assert_array_equal(found[names[1]], expected[0])
        np.testing.assert_array_equal(found[names[2]], expected[1])
        np.testing.assert_array_equal(np.signbit(found[names[1]]), np.signbit(expected[0]))
        np.testing.assert_array_equal(found[names[0]], (state[names[0]].astype(np.float64) / 3).astype(np.float32))


def test_new_head_is_fresh_and_named(command, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    (tmp_path / "names.txt").write_text("coat\nbag\nboot\n")
    arguments = ("import", "theirs.safetensors", "--model", NAME, "--new-head", 3, "--class-names", "names.txt")
    code, out, _ = command(*arguments, "--out", "ours.safetensors")
    assert code == 0
    assert out.splitlines()[:3] == [
        f"{NAME}, 3 channels, 3 classes",
        f"taken: {TENSORS - 2} tensors of theirs.safetensors",
        "new: fc.weight, fc.bias; left out of the file: fc.weight, fc.bias",
    ]
    with load(tmp_path / "ours.safetensors") as model, create_model(NAME, 3, 3) as fresh:
        assert model.class_names == ["coat", "bag", "boot"]
        np.testing.assert_array_equal(model.state_dict()["fc.weight"], fresh.state_dict()["fc.weight"])
        np.testing.assert_array_equal(model.state_dict()["conv1.weight"], state["conv1.weight"])


def test_new_head_needs_none_in_the_file(tmp_path, state):
    backbone = {name: array for name, array in state.items() if not name.startswith("fc.")}
    write_safetensors(tmp_path / "backbone.safetensors", backbone)
    with create_model(NAME, classes=4, weights=tmp_path / "backbone.safetensors", new_head=True) as model:
        assert model.info["import"]["new"] == ["fc.weight", "fc.bias"]
        assert model.info["import"]["left"] == []


def test_checkpoint_of_a_run_is_taken_without_its_optimizer(arrays, tmp_path, pictures):
    x, y, test_x, test_y = (part[:32] for part in arrays)
    recipe = Recipe(model=NAME, epochs=1, batch_size=16, momentum=0.9)
    run = train(dataset=(x, y, test_x, test_y), recipe=recipe, out=tmp_path / "run", progress=False)
    gray = pictures[:, :1]
    with create_model(NAME, weights=run.folder / "last.safetensors") as model, run.model as trained:
        np.testing.assert_array_equal(model(gray), trained(gray))


def test_json_is_the_whole_report(command, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, out, _ = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["model"], told["classes"], len(told["import"]["taken"])) == (NAME, 7, TENSORS)


def test_everything_wrong_is_one_error(refused, tmp_path, state):
    changed = {f"backbone.{name}" if name == "bn1.bias" else name: array for name, array in state.items()}
    changed["fc.weight"] = changed["fc.weight"][:, :-1]
    changed["conv1.weight"] = np.zeros((16, 3, 5, 5), np.float32)
    changed["bn1.weight"] = np.zeros(16, np.int32)
    changed["\x1b[31m" + "x" * 10_000] = np.zeros(1, np.float32)
    del changed["layer1.0.conv1.weight"]
    write_safetensors(tmp_path / "theirs.safetensors", changed)
    code, message = refused("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert message.startswith(str(tmp_path / "theirs.safetensors") + f" does not contain the tensors of a {NAME}")
    assert "2 missing: bn1.bias, layer1.0.conv1.weight" in message
    assert "2 superfluous: backbone.bn1.bias, ?[31mxxx" in message
    assert "fc.weight is F32 [7, 63], not F32 [7, 64]" in message
    assert "conv1.weight is F32 [16, 3, 5, 5], not F32 [16, 3, 3, 3]" in message
    assert "bn1.weight is I32 [16], not F32 [16]" in message
    assert len(message) < 1500
    assert not (tmp_path / "ours.safetensors").exists()


def test_another_network_is_told_by_a_bounded_list(refused, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, message = refused("import", "theirs.safetensors", "--model", "resnet50", "--out", "ours.safetensors")
    assert code == 2
    assert ", and " in message
    assert "missing: " in message
    assert len(message) < 2500


def test_other_classes_are_pointed_to_the_new_head(tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    with pytest.raises(UsageError, match=r"fc.bias is F32 \[7\], not F32 \[10\]\. .*new head"):
        create_model(NAME, classes=10, weights=tmp_path / "theirs.safetensors")


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data", "announced", "reason"),
    [
        (b"no safetensors at all", b"", 0x2073_7465_6E73_6F72, "the header must take"),
        (b"", b"", None, "the header must take"),
        ({"a": ENTRY}, bytes(4), None, "it is truncated or damaged"),
        ({"a": ENTRY}, bytes(8), 4096, "the header must take 2 to"),
        ({"a": ENTRY, "b": ENTRY}, bytes(8), None, "an overlap"),
        ({"a": ENTRY | {"data_offsets": [4, 12]}}, bytes(12), None, "a hole"),
        ({"a": ENTRY | {"data_offsets": [0, 800]}}, bytes(8), None, "takes 8 bytes, but data_offsets span 800"),
        (b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{}}', b"", None, "twice"),
        ({"a": ENTRY | {"dtype": "F8_E4M3"}}, bytes(8), None, "dtype must be one of"),
        ({"a": ENTRY | {"shape": [3]}}, bytes(8), None, "takes 12 bytes, but data_offsets span 8"),
        (
            {"conv1.weight": {"dtype": "F32", "shape": [50_000, 50_000], "data_offsets": [0, 10**10]}},
            bytes(900),
            None,
            "the tensors take 10000000000 bytes, but the file has 900",
        ),
        ({"a": ENTRY | {"shape": [10**17, 10**17]}}, bytes(8), None, "the size overflows"),
    ],
)
def test_bad_file_is_named_with_its_fault(refused, tmp_path, header, data, announced, reason):
    write_raw(tmp_path / "bad.safetensors", header, data, announced)
    code, message = refused("import", "bad.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert str(tmp_path / "bad.safetensors") in message
    assert "not a valid safetensors file" in message
    assert reason in message
    assert not (tmp_path / "ours.safetensors").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"conv1.weight": ("F32", np.zeros((16, 2**31, 0, 3), np.float32))},
        {"fc.weight": ("F32", np.zeros((2**31 - 1, 0), np.float32))},
        {"fc.weight": np.zeros(64, np.float32)},
    ],
)
def test_shape_that_no_network_has_makes_none(tmp_path, state, changed):
    """An empty tensor may announce any number of channels or classes in no bytes."""
    write_safetensors(tmp_path / "theirs.safetensors", state | changed)
    with pytest.raises(UsageError, match=r"1 of another type or shape: .* sizes above 0$"):
        create_model(NAME, weights=tmp_path / "theirs.safetensors")


def test_weights_that_are_not_finite_are_a_warning(command, tmp_path, state):
    state["layer1.0.bn1.bias"][0] = np.inf
    state["fc.bias"][1] = np.nan
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, _, err = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 0
    assert "warning: theirs.safetensors: layer1.0.bn1.bias, fc.bias hold NaN or infinite numbers" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "--model", NAME), "weights nothing do not exist"),
        (("theirs.safetensors", "--model", "resnet5"), "resnet50"),
        (("theirs.safetensors", "--model", NAME, "--new-head", "0"), "--new-head"),
        (("theirs.safetensors", "--model", NAME, "--new-head", "100001"), "from 1 to 100000"),
        (("theirs.safetensors", "--model", NAME, "--class-names", "none.txt"), "class names none.txt cannot be read"),
    ],
)
def test_bad_arguments_are_named(refused, tmp_path, state, arguments, message):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, error = refused("import", *arguments, "--out", "ours.safetensors")
    assert code == 2
    assert message in error


def test_new_head_without_weights_or_classes_is_refused(tmp_path):
    with pytest.raises(UsageError, match="new_head needs weights"):
        create_model(NAME, new_head=True)
    with pytest.raises(UsageError, match="number of classes"):
        create_model(NAME, weights=tmp_path / "any", new_head=True)


@pytest.mark.parametrize(("first", "second"), [("pytorch", "mxnet"), ("mxnet", "pytorch")])
def test_checkpoint_of_one_engine_is_evaluated_on_the_other(tmp_path, first, second):
    run = tmp_path / "run"
    tiny = ("--limit", "128", "--batch-size", "32", "--epochs", "1", "--model", "cifar-resnet20", "--quiet")
    in_a_process("train", *tiny, "--engine", first, "--out", run)
    results = {}
    for engine in (first, second):
        told = in_a_process("evaluate", run / "last.safetensors", "--json", "--limit", "128", "--engine", engine)
        results[engine] = json.loads(told)
    np.testing.assert_allclose(results[second]["loss"], results[first]["loss"], rtol=1e-4)
    assert results[second]["confusion_matrix"] == results[first]["confusion_matrix"]
    # and what the first engine wrote comes out of the second with the same bytes
    for engine in (first, second):
        out = tmp_path / f"{engine}.safetensors"
        in_a_process("export", run / "last.safetensors", "--format", "safetensors", "--out", out, "--engine", engine)
    assert (tmp_path / f"{first}.safetensors").read_bytes() == (tmp_path / f"{second}.safetensors").read_bytes()


def in_a_process(*arguments):
    """Runs the command line in a process of its own, for a process has one engine."""
    command = [sys.executable, "-m", "py_djl_resnet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_file_that_is_read_is_not_written_over(tmp_path, command):
    file = tmp_path / "net.safetensors"
    file.write_bytes(b"weights of somebody")
    code, _, err = command("import", str(file), "--model", "resnet18", "--out", str(file))
    assert code == 2
    assert "--out is the file that is read" in err
    assert file.read_bytes() == b"weights of somebody"


def test_a_folder_of_weights_is_told_as_one(tmp_path):
    with pytest.raises(UsageError, match="are a folder"):
        create_model("resnet18", weights=tmp_path)


def test_what_is_no_state_dict_is_told():
    with create_model("cifar-resnet20") as model, pytest.raises(UsageError, match="maps names to arrays"):
        model.load_state_dict(None)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "preprocessing: unknown; give --preprocessing here, or with predict, evaluate and export"),
        (["--preprocessing", "plain:40"], "preprocessing, as given: stretched to 40x40 bilinear in float32"),
        (["--preprocessing", "mine.json"], "preprocessing, as given: crop 8x9, deviation (0.5, 0.25, 2)"),
        (
            ["--preprocessing", "torchvision"],
            "preprocessing, as given: short side 256 bilinear, crop 224x224, mean (0.485, 0.456, 0.406), "
            "deviation (0.229, 0.224, 0.225)",
        ),
    ],
)
def test_import_reports_how_images_are_prepared(command, tmp_path, state, given, line):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    form = {"channels": 3, "crop": {"height": 8, "width": 9}, "deviation": [0.5, 0.25, 2]}
    (tmp_path / "mine.json").write_text(json.dumps(form))
    code, out, _ = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors", *given)
    assert code == 0
    assert out.splitlines()[2] == line
    with load(tmp_path / "ours.safetensors") as model:
        assert (model.preprocessing is None) == (given == [])


def test_import_of_ours_keeps_how_images_are_prepared(command, tmp_path):
    with create_model(NAME, classes=2) as fresh:
        fresh.save(tmp_path / "ours.safetensors")
    code, out, _ = command("import", "ours.safetensors", "--model", NAME, "--out", "again.safetensors")
    assert code == 0
    assert out.splitlines()[2] == "preprocessing, as the file records it: stretched to 32x32 bilinear in float32"
