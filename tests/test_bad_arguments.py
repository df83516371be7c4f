"""A wrong name, number or setting gets one line that says what, where and what to do."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from py_djl_resnet import UsageError, create_model, summarize

TINY = ("--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["trian"], ["'trian'", "did you mean 'train'?", "evaluate"]),
        (["train", "--epoch", "3"], ["'--epoch'", "did you mean '--epochs'?"]),
        (["train", "extra"], ["'extra'"]),
        (["train", "--engine", "pytorc"], ["--engine", "'pytorc'", "Did you mean 'pytorch'?", "mxnet"]),
        (["train", "--model", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["train", "--dataset", "fashion-mist"], ["fashion-mist", "fashion-mnist"]),
        (["train", "--schedule", "cosin"], ["cosin", "cosine"]),
        (["train", "--device", "tpu"], ["tpu", "cpu, gpu"]),
        (["train", "--recipe", "fashion-mnist-momentun"], ["did you mean 'fashion-mnist-momentum'?"]),
        (["summary", "d2l-resnet81"], ["d2l-resnet81", "d2l-resnet18"]),
        (["summary", "d2l-resnet18", "--input", "1,28,28"], ["N,C,H,W", "'1,28,28'"]),
        (["summary", "d2l-resnet18", "--input", "1,1,0,28"], ["N,C,H,W", "'1,1,0,28'"]),
        (["summary"], ["MODEL"]),
        ([], ["give a command", "train"]),
    ],
)
def test_misspelt_name_is_answered_with_the_nearest(refused, arguments, parts):
    code, message = refused(*arguments)
    assert code == 2
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "-1"),
        ("--epochs", "1.5"),
        ("--batch-size", "0"),
        ("--batch-size", "100000000000"),
        ("--lr", "-1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--lr", "much"),
        ("--momentum", "1"),
        ("--weight-decay", "-0.1"),
        ("--limit", "0"),
        ("--image-size", "0"),
        ("--threads", "0"),
        ("--seed", "99999999999999999999"),
        ("--step-factor", "-2"),
        ("--warmup-epochs", "10"),
    ],
)
def test_setting_out_of_range_is_named_with_what_is_allowed(refused, tmp_path, option, value):
    code, message = refused("train", option, value, "--out", "mine")
    assert code == 2
    assert re.match(rf"(Wrong value for {option}\. Received: |{option} must be below --epochs\. Received: )", message)
    assert "null" not in message
    assert not (tmp_path / "mine").exists()


def test_nesterov_without_momentum_is_refused(refused):
    assert refused("train", "--nesterov") == (2, "--nesterov needs --momentum above 0. Received: 0.")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"epoch": 3}', "Unknown setting. Received: 'epoch'."),
        ('{"epochs": "3"}', "Wrong value for \"epochs\". Received: '3'. Allowed: a whole number from 1 to 1000000."),
        (
            '{"limit": 1}',
            'Wrong value for "limit". Received: 1. Allowed: a whole number from 2 to 2147483647, or null.',
        ),
        ('{"nesterov": true}', '"nesterov" needs "momentum" above 0.'),
        ('{"epochs": 3', "is not JSON"),
        ("[3]", "must be a JSON object"),
    ],
)
def test_wrong_recipe_file_is_named(refused, tmp_path, text, part):
    (tmp_path / "mine.json").write_text(text)
    code, message = refused("train", "--recipe", "mine.json")
    assert code == 2
    assert message.startswith("recipe mine.json")
    assert part in message


def test_setting_is_named_by_where_its_value_came_from(refused, tmp_path, monkeypatch):
    (tmp_path / "mine.json").write_text('{"nesterov": true, "momentum": 0.9, "epochs": 3, "limit": 64}')
    given = ("train", "--recipe", "mine.json")
    assert refused(*given, "--momentum", "0") == (
        2,
        'recipe mine.json: "nesterov" needs --momentum above 0. Received: 0.',
    )
    assert refused(*given, "--warmup-epochs", "3")[1].startswith(
        'recipe mine.json: --warmup-epochs must be below "epochs"'
    )
    assert refused(*given, "--limit", "1")[1].startswith("Wrong value for --limit.")
    monkeypatch.setenv("DATASET_LIMIT", "1")
    assert refused("train")[1].startswith("Wrong value for DATASET_LIMIT. Received: 1.")
    assert refused("train", "--limit", "0")[1].startswith("Wrong value for --limit. Received: 0.")
    # a value is no name
    assert refused("train", "--limit", "64", "--model", "seed")[1].startswith(
        "Wrong value for --model. Received: 'seed'."
    )


def test_missing_recipe_file_is_named(refused):
    code, message = refused("train", "--recipe", "nothing.json")
    assert code == 2
    assert "recipe nothing.json cannot be read" in message


def test_wrong_environment_is_named(refused, monkeypatch):
    monkeypatch.setenv("DATASET_LIMIT", "many")
    code, message = refused("train")
    assert code == 2
    assert message == "Wrong value for DATASET_LIMIT. Received: 'many'. Allowed: a whole number from 2 to 2147483647."


def test_figure_of_an_unknown_kind_is_refused_before_anything_is_done(refused, trained):
    for arguments in (["plot", trained.folder, "--out", "a.gif"], ["evaluate", trained.folder, "--figure", "a.gif"]):
        code, message = refused(*arguments)
        assert code == 2
        assert "a.gif must end in .png, .svg, .pdf" in message


def test_several_runs_need_a_file(refused, trained):
    code, message = refused("plot", trained.folder, trained.folder)
    assert code == 2
    assert "--out" in message


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="there is a GPU")
@pytest.mark.parametrize("device", ["gpu", "gpu:7"])
def test_device_that_is_not_there_is_named(refused, tmp_path, device):
    code, message = refused("train", "--device", device, *TINY)
    assert code in (1, 2)
    assert device in message
    assert not (tmp_path / "mine").exists()


def test_second_engine_in_a_process_is_refused(refused, jvm):
    code, message = refused("train", "--engine", "mxnet", *TINY)
    assert code == 2
    assert "'pytorch' is running" in message


def test_native_library_that_cannot_be_loaded_is_named(tmp_path):
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


def test_training_that_diverges_ends_with_the_step_and_without_a_broken_checkpoint(refused, tmp_path):
    code, message = refused("train", "--lr", "1000", "--limit", "512", "--batch-size", "32", "--out", "mine")
    assert code == 1
    assert "NaN at step" in message
    assert not list((tmp_path / "mine").glob("*.safetensors"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "nothing", "--batch-size", "99999999999"],
        ["evaluate", "nothing", "--limit", "2147483648"],
        ["predict", "nothing", "a.png", "--top-k", "2147483648"],
        ["summary", "d2l-resnet18", "--classes", "2147483648"],
        ["summary", "d2l-resnet18", "--depth", "99999999999"],
        ["summary", "d2l-resnet18", "--input", "1,1,28,9223372036854775808"],
    ],
)
def test_number_beyond_javas_is_named(refused, arguments):
    code, message = refused(*arguments)
    assert code == 2
    assert arguments[-2] in message
    assert f"received '{arguments[-1]}'" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 2**31}, "classes must be a whole number from 1 to 2147483647; received 2147483648"),
        ({"classes": 1.5}, "classes must be a whole number .*; received 1.5"),
        ({"classes": True}, "classes must be a whole number .*; received True"),
        ({"in_channels": 10**10_000}, "in_channels must be a whole number .*; received a whole number of thousands"),
        ({"seed": 2**64}, f"seed must be a whole number from -{2**63} to {2**63 - 1}; received {2**64}"),
        ({"name": None}, "name must be text; received None"),
        ({"device": 0}, "device must be text; received 0"),
        ({"engine": "torch"}, "Received: 'torch'"),
    ],
)
def test_argument_that_java_could_not_take_is_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        create_model(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": None}, "model must be text; received None"),
        ({"classes": -1}, "classes must be .*; received -1"),
        ({"depth": 2**31}, "depth must be .*; received 2147483648"),
        ({"shape": (1, 1, 28, 2**63)}, r"shape\[3\] must be .*; received 9223372036854775808"),
        ({"shape": (1, 1, 28, 27.5)}, r"shape\[3\] must be .*; received 27.5"),
        ({"shape": 28}, "shape must be whole numbers such as .*; received 28"),
    ],
)
def test_summary_that_java_could_not_make_is_named(arguments, message):
    with create_model() as model:
        with pytest.raises(UsageError, match=message):
            summarize(**{"model": "d2l-resnet18", **arguments})
        if arguments.keys() <= {"shape", "depth"}:
            with pytest.raises(UsageError, match=message):
                model.summary(**{"shape": (1, 1, 28, 28), **arguments})


def test_whole_numbers_of_numpy_are_taken():
    with create_model(classes=np.int64(3), seed=np.int32(-1)) as model:
        assert model.summary(np.array([1, 1, 28, 28]).tolist(), np.int64(1)).layers[-1]["output_shape"] == [1, 3]


def test_other_number_of_threads_than_the_running_one_is_refused(refused, jvm, tmp_path):
    code, message = refused("train", "--threads", "3", *TINY)
    assert code == 2
    assert "threads=3" in message
    assert "separate process" in message
    assert not (tmp_path / "mine").exists()
