"""Weights of other programs: files that are imported, converted or rejected."""

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
    """A state dict of 7 classes and 3 channels, with counters."""
    return {name: array.copy() for name, array in made.items()}


@pytest.fixture
def images():
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
        f"loaded: {TENSORS} tensors from theirs.safetensors",
        "preprocessing: unknown; give --preprocessing here, or to predict, evaluate and export",
        "checkpoint: ours.safetensors",
    ]
    code, out, _ = command("export", "ours.safetensors", "--format", "safetensors", "--out", "back.safetensors")
    assert (code, out) == (0, f"{NAME}, 3 channels, 7 classes: back.safetensors\n")
    back = read_safetensors(tmp_path / "back.safetensors")
    assert back.keys() == state.keys()
    for name, array in state.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes(), name


def test_trained_weights_survive_export_and_import(arrays, tmp_path, state, images):
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
        expected, logits = trained.state_dict(), trained(images)
    # one step: it started from these weights, changed them a little, and counted one more batch
    assert 0 < np.abs(expected["conv1.weight"] - state["conv1.weight"]).max() < 0.5
    assert expected["bn1.num_batches_tracked"] == state["bn1.num_batches_tracked"] + 1
    with create_model(NAME, weights=tmp_path / "trained.safetensors") as again:
        equal(again.state_dict(), expected)
        np.testing.assert_array_equal(again(images), logits)


def test_training_rejects_weights_of_another_shape(rejected, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    tiny = ("--limit", "64", "--batch-size", "32", "--epochs", "1", "--out", "mine")
    code, message = rejected("train", "--model", NAME, "--weights", "theirs.safetensors", *tiny)
    assert code == 2
    assert "theirs.safetensors does not contain the tensors of a" in message
    assert "conv1.weight is F32 [16, 3, 3, 3], not F32 [16, 1, 3, 3]" in message
    assert "fc.bias is F32 [7], not F32 [10]" in message
    assert not (tmp_path / "mine").exists()


def test_prefix_and_missing_counters_are_accepted(tmp_path, state):
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


def test_weights_of_another_network_are_named_without_advice_on_the_head(rejected, trained, tmp_path, state):
    best = str(trained.folder / "best.safetensors")
    code, message = rejected("import", best, "--model", "resnet18", "--out", "new.safetensors")
    assert code == 2
    assert message.startswith(
        f"{best} is a checkpoint of a d2l-resnet18 and does not contain the tensors of a resnet18"
    )
    write_safetensors(tmp_path / "other.safetensors", {"encoder.first.weight": state["conv1.weight"]})
    code, message = rejected("import", "other.safetensors", "--model", NAME, "--out", "new.safetensors")
    assert code == 2
    assert message.endswith("; 1 unexpected: encoder.first.weight")  # as in the file


def test_every_float16_and_bfloat16_is_converted_exactly(tmp_path, state):
    """All 2^16 values of each type, also those that are not finite, against numpy and the type's definition."""
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
        with pytest.warns(ResnetWarning, match=f"{names[1]}, {names[2]} contain NaN or infinite values"):
            model = create_model(NAME, weights=tmp_path / "mixed.safetensors")
        with model:
            found = model.state_dict()
            assert model.info["import"]["converted"] == {kind: 2, "F64": 1}
        np.testing.assert_array_equal(found[names[1]], expected[0])
        np.testing.assert_array_equal(found[names[2]], expected[1])
        np.testing.assert_array_equal(np.signbit(found[names[1]]), np.signbit(expected[0]))
        np.testing.assert_array_equal(found[names[0]], (state[names[0]].astype(np.float64) / 3).astype(np.float32))


def test_new_head_is_initialized_and_named(command, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    (tmp_path / "names.txt").write_text("coat\nbag\nboot\n", "utf-8-sig")  # as Windows writes it
    arguments = ("import", "theirs.safetensors", "--model", NAME, "--new-head", 3, "--class-names", "names.txt")
    code, out, _ = command(*arguments, "--out", "ours.safetensors")
    assert code == 0
    assert out.splitlines()[:3] == [
        f"{NAME}, 3 channels, 3 classes",
        f"loaded: {TENSORS - 2} tensors from theirs.safetensors",
        "new: fc.weight, fc.bias; ignored in the file: fc.weight, fc.bias",
    ]
    with load(tmp_path / "ours.safetensors") as model, create_model(NAME, 3, 3) as fresh:
        assert model.class_names == ["coat", "bag", "boot"]
        np.testing.assert_array_equal(model.state_dict()["fc.weight"], fresh.state_dict()["fc.weight"])
        np.testing.assert_array_equal(model.state_dict()["conv1.weight"], state["conv1.weight"])


def test_new_head_accepts_a_file_without_one(tmp_path, state):
    backbone = {name: array for name, array in state.items() if not name.startswith("fc.")}
    write_safetensors(tmp_path / "backbone.safetensors", backbone)
    with create_model(NAME, classes=4, weights=tmp_path / "backbone.safetensors", new_head=True) as model:
        assert model.info["import"]["new"] == ["fc.weight", "fc.bias"]
        assert model.info["import"]["left"] == []


def test_checkpoint_of_a_run_is_imported_without_its_optimizer(arrays, tmp_path, images):
    x, y, test_x, test_y = (part[:32] for part in arrays)
    recipe = Recipe(model=NAME, epochs=1, batch_size=16, momentum=0.9)
    run = train(dataset=(x, y, test_x, test_y), recipe=recipe, out=tmp_path / "run", progress=False)
    gray = images[:, :1]
    with create_model(NAME, weights=run.folder / "last.safetensors") as model, run.model as trained:
        np.testing.assert_array_equal(model(gray), trained(gray))


def test_json_contains_the_whole_report(command, tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    code, out, _ = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["model"], report["classes"], len(report["import"]["taken"])) == (NAME, 7, TENSORS)


def test_error_lists_everything(rejected, tmp_path, state):
    changed = {f"backbone.{name}" if name == "bn1.bias" else name: array for name, array in state.items()}
    changed["\x1b[31m" + "x" * 10_000] = np.zeros(1, np.float32)
    del changed["layer1.0.conv1.weight"]
    write_safetensors(tmp_path / "names.safetensors", changed)
    state["fc.weight"] = state["fc.weight"][:, :-1]
    state["conv1.weight"] = np.zeros((16, 3, 5, 5), np.float32)
    state["bn1.weight"] = np.zeros(16, np.int32)
    write_safetensors(tmp_path / "shapes.safetensors", state)
    code, names = rejected("import", "names.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert names.startswith(str(tmp_path / "names.safetensors") + f" does not contain the tensors of a {NAME}")
    assert "2 missing: bn1.bias, layer1.0.conv1.weight" in names
    assert ": backbone.bn1.bias, ?[31mxxx" in names
    assert len(names) < 1500
    code, shapes = rejected("import", "shapes.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert "fc.weight is F32 [7, 63], not F32 [7, 64]" in shapes
    assert "conv1.weight is F32 [16, 3, 5, 5], not F32 [16, 3, 3, 3]" in shapes
    assert "bn1.weight is I32 [16], not F32 [16]" in shapes
    assert not (tmp_path / "ours.safetensors").exists()


def test_other_classes_are_advised_to_use_a_new_head(tmp_path, state):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    with pytest.raises(UsageError, match=r"fc.bias is F32 \[7\], not F32 \[10\]\. .*new head"):
        create_model(NAME, classes=10, weights=tmp_path / "theirs.safetensors")


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (b"", b"", ""),
        ({"a": ENTRY}, bytes(4), "the tensors take 8 bytes, but the file has 4: it is truncated or damaged"),
        ({"a": ENTRY | {"dtype": "F8_E4M3"}}, bytes(8), "Received: F8_E4M3. Allowed: [F64, F32, "),
    ],
)
def test_damaged_file_is_rejected_with_its_fault(rejected, tmp_path, header, data, reason):
    write_raw(tmp_path / "bad.safetensors", header, data)
    code, message = rejected("import", "bad.safetensors", "--model", NAME, "--out", "ours.safetensors")
    assert code == 2
    assert str(tmp_path / "bad.safetensors") in message
    assert "safetensors file" in message
    assert reason in message
    assert not (tmp_path / "ours.safetensors").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"conv1.weight": ("F32", np.zeros((16, 2**31, 0, 3), np.float32))},
        {"fc.weight": np.zeros(64, np.float32)},
    ],
)
def test_impossible_shape_is_rejected(tmp_path, state, changed):
    """An empty tensor may declare any number of channels or classes."""
    write_safetensors(tmp_path / "theirs.safetensors", state | changed)
    with pytest.raises(UsageError, match=r"1 of another type or shape: .* sizes above 0"):
        create_model(NAME, weights=tmp_path / "theirs.safetensors")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "--model", NAME), "Weights nothing do not exist"),
        (("theirs.safetensors", "--model", "resnet5"), "resnet50"),
        (("theirs.safetensors", "--model", NAME, "--new-head", "0"), "--new-head"),
        (
            ("theirs.safetensors", "--model", NAME, "--new-head", "100001"),
            "--new-head must be at most 100000. Received: 100001.",
        ),
        (("theirs.safetensors", "--model", NAME, "--class-names", "none.txt"), "--class-names none.txt cannot be read"),
        (
            ("theirs.safetensors", "--model", NAME, "--new-head", "3", "--class-names", "two.txt"),
            "--class-names two.txt has the wrong number of lines. Received: 2. Allowed: one line for each class of",
        ),
        (
            ("theirs.safetensors", "--model", NAME, "--class-names", "empty.txt"),
            "Received: 0. Allowed: one line per class.",
        ),
    ],
)
def test_invalid_argument_is_rejected(rejected, tmp_path, state, arguments, message):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    (tmp_path / "two.txt").write_text("a\nb\n")
    (tmp_path / "empty.txt").write_text("")
    code, error = rejected("import", *arguments, "--out", "ours.safetensors")
    assert code == 2
    assert message in error


def test_new_head_needs_weights_and_classes(tmp_path):
    with pytest.raises(UsageError, match="Give weights, and classes"):
        create_model(NAME, new_head=True)
    with pytest.raises(UsageError, match="and classes or class_names"):
        create_model(NAME, weights=tmp_path / "any", new_head=True)


@pytest.mark.parametrize(("first", "second"), [("pytorch", "mxnet"), ("mxnet", "pytorch")])
def test_checkpoint_of_one_engine_is_evaluated_on_the_other(tmp_path, first, second):
    run = tmp_path / "run"
    tiny = ("--limit", "128", "--batch-size", "32", "--epochs", "1", "--model", "cifar-resnet20", "--quiet")
    in_a_process("train", *tiny, "--engine", first, "--out", run)
    results = {}
    for engine in (first, second):
        report = in_a_process("evaluate", run / "last.safetensors", "--json", "--limit", "128", "--engine", engine)
        results[engine] = json.loads(report)
    np.testing.assert_allclose(results[second]["loss"], results[first]["loss"], rtol=1e-4)
    assert results[second]["confusion_matrix"] == results[first]["confusion_matrix"]
    # both engines export the first one's checkpoint to the same bytes
    for engine in (first, second):
        out = tmp_path / f"{engine}.safetensors"
        in_a_process("export", run / "last.safetensors", "--format", "safetensors", "--out", out, "--engine", engine)
    assert (tmp_path / f"{first}.safetensors").read_bytes() == (tmp_path / f"{second}.safetensors").read_bytes()


def in_a_process(*arguments):
    """Runs the command line in another process, because one process has one engine."""
    command = [sys.executable, "-m", "py_djl_resnet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_existing_file_is_not_overwritten(tmp_path, rejected, state):
    file = write_safetensors(tmp_path / "net.safetensors", state)
    before = file.read_bytes()
    for arguments in (["import", "net.safetensors", "--model", NAME], ["export", "x", "--format", "safetensors"]):
        code, message = rejected(*arguments, "--out", "net.safetensors")
        assert code == 2
        assert message == "net.safetensors already exists. Give another name, or delete the file first."
    assert file.read_bytes() == before


def test_folder_is_rejected(tmp_path):
    with pytest.raises(UsageError, match="are a folder"):
        create_model("resnet18", weights=tmp_path)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([], "preprocessing: unknown; give --preprocessing here, or to predict, evaluate and export"),
        (["--preprocessing", "plain:40"], "preprocessing, as given: stretched to 40x40 bilinear in float32"),
        (["--preprocessing", "mine.json"], "preprocessing, as given: crop 8x9, deviation (0.5, 0.25, 2)"),
        (
            ["--preprocessing", "torchvision"],
            "preprocessing, as given: short side 256 bilinear, crop 224x224, mean (0.485, 0.456, 0.406), "
            "deviation (0.229, 0.224, 0.225)",
        ),
    ],
)
def test_import_reports_the_preprocessing(command, tmp_path, state, given, line):
    write_safetensors(tmp_path / "theirs.safetensors", state)
    form = {"channels": 3, "crop": {"height": 8, "width": 9}, "deviation": [0.5, 0.25, 2]}
    (tmp_path / "mine.json").write_text(json.dumps(form))
    code, out, _ = command("import", "theirs.safetensors", "--model", NAME, "--out", "ours.safetensors", *given)
    assert code == 0
    assert out.splitlines()[2] == line
    with load(tmp_path / "ours.safetensors") as model:
        assert (model.preprocessing is None) == (given == [])


def test_export_records_the_preprocessing_and_the_network(command, rejected, tmp_path):
    own = {"channels": 3, "resize": {"to": "exact", "height": 48, "width": 48}, "mean": [0.25, 0.5, 0.75]}
    with create_model("resnet18", classes=2, seed=1) as fresh:
        fresh.export(tmp_path / "none.safetensors")
    header = _metadata(tmp_path / "none.safetensors")
    assert header["format"] == "pt"
    assert header["py_djl_resnet.model"] == "resnet18"
    assert all(isinstance(value, str) for value in header.values())
    (tmp_path / "own.json").write_text(json.dumps(own))
    given = ("--model", "resnet18", "--preprocessing", "own.json", "--out", "ours.safetensors")
    code, _, err = command("import", "none.safetensors", *given)
    assert code == 0, err
    code, _, err = command("export", "ours.safetensors", "--format", "safetensors", "--out", "weights.safetensors")
    assert code == 0, err
    again = ("import", "weights.safetensors", "--model", "resnet18", "--new-head", 3, "--out")
    code, out, _ = command(*again, "again.safetensors")
    assert code == 0
    assert out.splitlines()[-2] == (
        "preprocessing, recorded in the file: stretched to 48x48 bilinear, mean (0.25, 0.5, 0.75)"
    )
    code, out, _ = command(*again, "other.safetensors", "--preprocessing", "plain:40")
    assert code == 0
    assert out.splitlines()[-2] == "preprocessing, as given: stretched to 40x40 bilinear in float32"
    code, line = rejected("import", "weights.safetensors", "--model", "resnet34", "--out", "wrong.safetensors")
    assert code == 2
    assert "weights.safetensors was exported from a resnet18 and does not contain the tensors of a resnet34" in line


def _metadata(file):
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]


def test_import_of_a_checkpoint_keeps_its_preprocessing(command, tmp_path):
    with create_model(NAME, classes=2) as fresh:
        fresh.save(tmp_path / "ours.safetensors")
    code, out, _ = command("import", "ours.safetensors", "--model", NAME, "--out", "again.safetensors")
    assert code == 0
    assert out.splitlines()[2] == "preprocessing, recorded in the file: stretched to 32x32 bilinear in float32"
