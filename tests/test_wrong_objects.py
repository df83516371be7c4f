"""What is told who gives a notebook's objects in a wrong way."""

import os
import subprocess
import sys

import pytest

from py_djl_resnet import Run, UsageError, create_model, evaluate, load, resume, train
from py_djl_resnet.notebook import LiveFigure


def test_without_the_extra_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(UsageError, match=r"LiveFigure needs IPython\S*, which is not installed. Run: pip install"):
        LiveFigure()


def test_the_class_in_an_objects_place_is_told():
    with pytest.raises(UsageError, match=r"progress must be an object, as LiveFigure\(\); received the class itself"):
        train(progress=LiveFigure)


def test_a_network_in_a_names_place_is_told(jvm):
    with (
        create_model("plain20") as model,
        pytest.raises(UsageError, match=r"received Model\('plain20'.*resume\(folder\)"),
    ):
        train(model)


@pytest.fixture
def no_java(monkeypatch):
    """A wrong argument is told before Java starts."""

    def started(*options, **more):
        raise AssertionError("Java was started")

    monkeypatch.setattr("py_djl_resnet._java.find.jvm.start", started)


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": {"epochs": 1}}, r"recipe must be a Recipe; received {'epochs': 1}; .*Recipe\(epochs=1\)"),
        ({"recipe": "d2l-fashion-mnist"}, "recipe must be a Recipe; received 'd2l-fashion-mnist'; .*Recipe.from_file"),
        ({"recipe": ""}, "recipe must be a Recipe; received ''"),
        ({"callback": 5}, "callback must be a function; received 5"),
        ({"progress": "yes"}, "progress must be True, False or an object with show, epoch_ended, .*received 'yes'"),
        ({"progress": None}, "progress must be True, False or an object .*received None"),
        ({"out": 5}, "out must be a path, as text or a Path; received 5"),
        ({"out": b"mine"}, "out must be a path, as text or a Path; received b'mine'"),
        ({"out": ""}, "out must be a path; received empty text"),
        ({"out": "a\0b"}, r"out must be a path; received 'a\\x00b'"),
        ({"class_names": "abc"}, "class_names must be a list of names; received 'abc'"),
        ({"class_names": 3}, "class_names must be a list of names; received 3"),
        ({"class_names": ["a", None]}, r"class_names\[1\] must be text; received None"),
        ({"class_names": ["a", "b", "a"]}, "class_names must differ from one another; received 'a' twice"),
    ],
)
def test_wrong_argument_of_a_training_is_told(tmp_path, monkeypatch, arrays, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        train(dataset=arrays, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: resume(None), "run must be a path, as text or a Path; received None; .*run.folder"),
        (resume, r"run must be a path, .*received Run\('trained', epochs=2\); the folder of a run is run.folder"),
        (lambda run: resume(run.folder, ["epochs"]), r"changes must be a Mapping; received \['epochs'\]; such as {"),
        (lambda run: resume(run.folder, class_names="abc"), "class_names must be a list of names; received 'abc'"),
        (lambda run: load(None), "the checkpoint must be a path, .*received None"),
        (lambda run: load(""), "the checkpoint must be a path; received empty text"),
        (evaluate, r"received Run\('trained', epochs=2\); the network of a run is run.model"),
        (lambda run: run.model.save(None), "path must be a path, as text or a Path; received None"),
        (lambda run: run.model.export(None), "path must be a path, as text or a Path; received None"),
        (lambda run: run.plot(5), "the figure's file must be a path, as text or a Path; received 5"),
        (lambda run: Run.open(None), "run folder must be a path, as text or a Path; received None"),
        (lambda run: create_model(class_names="abc"), "class_names must be a list of names; received 'abc'"),
        (lambda run: create_model(class_names=["a", "a"]), "class_names must differ .*received 'a' twice"),
    ],
)
def test_wrong_object_is_told(trained, call, message):
    with pytest.raises(UsageError, match=message):
        call(trained)


def test_empty_text_in_a_runs_place_is_refused(refused):
    assert refused("train", "--resume", "") == (2, "--resume must be a path; received empty text")
    assert refused("train", "--out", "") == (2, "out must be a path; received empty text")


def test_a_java_cut_to_size_is_told_twice_alike():
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
