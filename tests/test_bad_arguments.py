"""Wrong arguments of commands and functions: one line says what is wrong, what is allowed and what to do."""

import copy
import os
import re
import subprocess
import sys

import pytest

from py_djl_resnet import Recipe, UsageError, create_model, evaluate, load, resume, summarize, train
from py_djl_resnet.notebook import LiveFigure

TINY = ("--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["trian"], ["'trian'", "Did you mean 'train'?", "evaluate"]),
        (["train", "--epoch", "3"], ["'--epoch'", "Did you mean '--epochs'?"]),
        (["train", "--model", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["train", "--dataset", "fashion-mist"], ["fashion-mist", "fashion-mnist"]),
        (["train", "--device", "tpu"], ["tpu", "cpu, gpu"]),
        (["train", "--nesterov"], ["--nesterov needs --momentum above 0. Received: 0."]),
        (["train", "--out", ""], ["out must be a path. Received: an empty string."]),
        (["predict", "nothing", "a.png", "--top-k", "0"], ["--top-k", "Received: 0. Allowed: 1 to 2147483647."]),
        (["export", "nothing", "--format", "djl", "--out", ""], ["--out must be a path. Received: an empty string."]),
        (["import", "", "--model", "resnet18", "--out", "x"], ["FILE must be a path. Received: an empty string."]),
        (["summary", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["summary", "d2l-resnet18", "--input", "1,28,28"], ["N,C,H,W", "'1,28,28'"]),
        (["summary"], ["MODEL"]),
        (["evaluate", "nothing"], ["nothing does not exist"]),
        (["evaluate", "nothing", "--batch-size", "99999999999"], ["--batch-size", "Received: 99999999999."]),
        (["evaluate", "nothing", "--figure", "a.gif"], ["Received: .gif. Allowed: .png, .svg, .pdf"]),
        (["plot", "nothing"], ["nothing does not exist"]),
        ([], ["No command given", "train"]),
    ],
)
def test_invalid_argument_of_a_command_is_rejected(rejected, tmp_path, arguments, parts):
    code, message = rejected(*arguments)
    assert code == 2
    for part in parts:
        assert part in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "1.5"),
        ("--lr", "nan"),
        ("--lr", "much"),
        ("--limit", "0"),
        ("--seed", "99999999999999999999"),
        ("--warmup-epochs", "10"),
    ],
)
def test_setting_out_of_range_shows_the_allowed_values(rejected, tmp_path, option, value):
    code, message = rejected("train", option, value, "--out", "mine")
    assert code == 2
    assert re.match(
        rf"(Invalid value for {option}\. Received: |{option} must be less than --epochs\. Received: )", message
    )
    assert "null" not in message
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"epoch": 3}', "Unknown setting. Received: 'epoch'."),
        (
            '{"limit": 1}',
            'Invalid value for "limit". Received: 1. Allowed: a whole number from 2 to 2147483647, or null.',
        ),
        ('{"epochs": 3', "is not JSON"),
    ],
)
def test_invalid_recipe_file_is_rejected(rejected, tmp_path, text, part):
    (tmp_path / "mine.json").write_text(text)
    code, message = rejected("train", "--recipe", "mine.json")
    assert code == 2
    assert message.startswith("recipe mine.json")
    assert part in message


def test_setting_is_named_by_its_source(rejected, tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_text('{"nesterov": true, "momentum": 0.9, "epochs": 3, "limit": 64}')
    given = ("train", "--recipe", "mine.json")
    assert rejected(*given, "--momentum", "0") == (
        2,
        'recipe mine.json: "nesterov" needs --momentum above 0. Received: 0.',
    )
    assert rejected(*given, "--warmup-epochs", "3")[1].startswith(
        'recipe mine.json: --warmup-epochs must be less than "epochs"'
    )
    # of a bundled recipe, whose file nobody can change
    assert rejected("train", "--recipe", "finetune", "--epochs", "1")[1].endswith(
        "Received: 1 and 1. Set --warmup-epochs 0, or more --epochs."
    )
    assert rejected(*given, "--limit", "1")[1].startswith("Invalid value for --limit.")
    monkeypatch.setenv("DATASET_LIMIT", "1")
    assert rejected("train")[1].startswith("Invalid value for DATASET_LIMIT. Received: 1.")
    assert rejected("train", "--limit", "0")[1].startswith("Invalid value for --limit. Received: 0.")
    # a value is no name
    assert rejected("train", "--limit", "64", "--model", "seed")[1].startswith(
        "Invalid value for --model. Received: 'seed'."
    )


def test_invalid_environment_variable_is_rejected(rejected, monkeypatch):
    monkeypatch.setenv("DATASET_LIMIT", "many")
    code, message = rejected("train")
    assert code == 2
    assert message == "Invalid value for DATASET_LIMIT. Received: 'many'. Allowed: a whole number from 2 to 2147483647."


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="there is a GPU")
@pytest.mark.parametrize("device", ["gpu", "gpu:7"])
def test_missing_device_is_rejected(rejected, tmp_path, device):
    code, message = rejected("train", "--device", device, *TINY)
    assert code == 2
    assert device in message
    assert not (tmp_path / "mine").exists()


def test_broken_native_library_is_reported(tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    for name in ("libtorch.so", "libtorch_cpu.so", "libc10.so"):
        (library / name).write_bytes(b"no library")
    ran = subprocess.run(
        [sys.executable, "-m", "py_djl_resnet", "train", *TINY],
        cwd=tmp_path,
        env={**os.environ, "PYTORCH_LIBRARY_PATH": str(library), "DJL_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("py-djl-resnet: error: ")
    assert "doctor" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "mine").exists()


def test_diverging_training_reports_the_step_and_saves_no_broken_checkpoint(rejected, tmp_path):
    code, message = rejected("train", "--lr", "1000", "--limit", "512", "--batch-size", "32", "--out", "mine")
    assert code == 1
    assert "NaN at step" in message
    assert not list((tmp_path / "mine").glob("*.safetensors"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: create_model(classes=2**31),
            "classes must be a whole number. Received: 2147483648. Allowed: 1 to 100000.",
        ),
        (lambda: create_model(classes=True), "classes must be a whole number. Received: True."),
        (lambda: create_model(classes=3, class_names=["a", "b"]), "Received: classes=3 with 2 class_names."),
        (lambda: create_model(seed=2**64), f"Received: {2**64}. Allowed: -{2**63} to {2**63 - 1}."),
        (lambda: create_model(None), "name must be a string. Received: None"),
        (lambda: create_model(device=0), "device must be a string. Received: 0"),
        (lambda: create_model(engine="torch"), "Received: 'torch'"),
        (lambda: create_model(in_channels=0), "in_channels must be .* Received: 0"),
        (lambda: summarize("resnet18", depth=2**31), "depth must be .* Received: 2147483648"),
        (lambda: summarize("resnet18", (1, 3, 28, 27.5)), r"shape\[3\] must be .* Received: 27.5"),
        (lambda: summarize("resnet18", 28), "shape must be whole numbers such as .* Received: 28"),
    ],
)
def test_wrong_number_or_name_is_rejected(jvm, call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_live_figure_without_its_extra_explains_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UsageError, match=r"LiveFigure needs IPython\S*, which is not installed\. Run: pip install"):
        LiveFigure()


def test_train_rejects_a_network_as_name(jvm):
    with (
        create_model("plain20") as model,
        pytest.raises(UsageError, match=r"Received: Model\('plain20'.*resume\(folder\)"),
    ):
        train(model)


@pytest.fixture
def no_java(monkeypatch):
    """Fails a test that starts Java."""

    def started(*options, **more):
        raise AssertionError("Java was started")

    monkeypatch.setattr("py_djl_resnet._java.jvm.start", started)


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": {"epochs": 1}}, r"recipe must be a Recipe. Received: {'epochs': 1}. .*Recipe\(epochs=1\)"),
        ({"callback": 5}, "callback must be a function. Received: 5"),
        ({"progress": "yes"}, "progress cannot show a run. Received: 'yes'. Allowed: True, False, or an object"),
        ({"out": b"mine"}, "out must be a string or a Path. Received: b'mine'"),
        ({"out": "a\0b"}, r"out must be a path. Received: 'a\\x00b'"),
        ({"class_names": "abc"}, "class_names must be a list of names. Received: 'abc'"),
        ({"class_names": ["a", None]}, r"class_names\[1\] must be a string. Received: None"),
        ({"class_names": ["a", "b", "a"]}, "class_names must not repeat. Received: 'a' twice"),
    ],
)
def test_train_rejects_an_invalid_argument_before_java_starts(tmp_path, monkeypatch, arrays, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        train(dataset=arrays, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (resume, r"run must be a string .* Received: Run\('trained', epochs=2\)\. The folder of a run is run.folder"),
        (
            lambda run: resume(run.folder, ["epochs"]),
            r"changes must be a Mapping. Received: \['epochs'\]. Pass a dict such as {",
        ),
        (lambda run: load(""), "the checkpoint must be a path. Received: an empty string"),
        (evaluate, r"Received: Run\('trained', epochs=2\)\. The network of a run is run.model"),
        (lambda run: run.model.save(None), "path must be a string or a Path. Received: None"),
        (lambda run: run.model.save("/"), "^/ is a folder. Give a file"),
        (lambda run: copy.deepcopy(run.model), r"A Model cannot be copied or pickled. Call model.save\(file\)"),
        (lambda run: Recipe(epoch=1), "^Unknown setting. Received: 'epoch'. .* Did you mean \"epochs\"?"),
        (lambda run: run.plot(5), "the figure's file must be a string or a Path. Received: 5"),
    ],
)
def test_invalid_object_is_rejected_before_java_starts(trained, call, message):
    with pytest.raises(UsageError, match=message):
        call(trained)


def test_java_without_a_module_is_reported_each_time():
    script = (
        "from py_djl_resnet import EngineError, create_model\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        create_model('plain20')\n"
        "    except EngineError as error:\n"
        "        print('with the module jdk.zipfs' in str(error))\n"
    )
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": "--limit-modules=java.se,jdk.unsupported"}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert ran.stdout == "True\nTrue\n", ran.stderr
