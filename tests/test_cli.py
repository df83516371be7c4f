import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from py_djl_resnet import Run, evaluate
from py_djl_resnet._tables import text_table

EPOCH = (
    r"epoch \d+/2: train loss \d+\.\d{3}, train acc [01]\.\d{3}, test loss \d+\.\d{3}, test acc [01]\.\d{3}, "
    r"\d+\.\d s, \d+:\d\d left\n"
)
SELECTED = r"best\.safetensors: epoch \d+, test acc [01]\.\d{3}, selected on the test data \(use --validation .+\)\n"
LAST = (
    r"loss \d+\.\d{3}, train acc [01]\.\d{3}, test acc [01]\.\d{3}\n\d+\.\d examples/sec\n" + SELECTED + "run folder: "
)


def python(*arguments, cwd, **environment):
    """Runs a fresh Python, whose standard streams are pipes."""
    kept = {k: v for k, v in os.environ.items() if k not in ("MAX_EPOCH", "DATASET_LIMIT")}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_train_prints_a_line_per_epoch_and_the_chapters_two_lines(tmp_path):
    ran = python("-m", "py_djl_resnet", "train", "--batch-size", "64", cwd=tmp_path, MAX_EPOCH="2", DATASET_LIMIT="256")
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(f"({EPOCH}){{2}}{LAST}(.+)\nreport: (.+)\n", ran.stdout)
    run, report = ran.stdout.splitlines()[-2:]
    folder = tmp_path / run.removeprefix("run folder: ")
    assert tmp_path / report.removeprefix("report: ") == folder / "report.html"
    assert folder.parent == tmp_path / "runs"
    recipe = json.loads((folder / "recipe.json").read_text())
    assert (recipe["epochs"], recipe["limit"], recipe["batch_size"]) == (2, 256, 64)
    with Image.open(folder / "figures" / "metrics.png") as figure:
        assert figure.size == (1440, 570)
    assert "test accuracy" in (folder / "figures" / "metrics.html").read_text("utf-8")
    assert ran.stderr == ""


def test_last_lines_name_the_best_epoch_and_what_selected_it(command):
    arguments = ("train", "--quiet", "--epochs", "3", "--limit", "200", "--batch-size", "32", "--lr", "0.02")
    for name, more in (("test", ()), ("validation", ("--validation", "0.2"))):
        code, out, err = command(*arguments, *more, "--out", name)
        assert (code, err) == (0, "")
        run = Run.open(name)
        best = max(run.history, key=lambda row: row[f"{name}_accuracy"])
        assert run.best == best
        selected = f"best.safetensors: epoch {best['epoch']}, {name} acc {best[f'{name}_accuracy']:.3f}"
        assert selected in out
        assert ("selected on the test data" in out) == (name == "test")
        assert run.selection["on"] == f"{name} data"
    assert run.test["epoch"] == best["epoch"]
    alone = evaluate(name, limit=200)
    assert run.test["accuracy"] == alone.accuracy
    assert f"epoch {best['epoch']} on the test data, evaluated once: test loss {alone.loss:.3f}, " in out


def test_training_works_offline_once_the_jars_are_cached(jvm, tmp_path):
    dead = "http://127.0.0.1:9"
    environment = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), dead)
    java = " ".join(f"-D{kind}.proxyHost=127.0.0.1 -D{kind}.proxyPort=9" for kind in ("http", "https"))
    environment |= {"PY_DJL_RESNET_OFFLINE": "", "no_proxy": "", "NO_PROXY": "", "JAVA_TOOL_OPTIONS": java}
    arguments = ["train", "--epochs", "1", "--limit", "64", "--batch-size", "32", "--out", "mine"]
    ran = python("-m", "py_djl_resnet", *arguments, cwd=tmp_path, **environment)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "mine" / "figures" / "metrics.html").is_file()


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_train_on_a_terminal_shows_a_bar_and_a_line_per_epoch(tmp_path):
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
    arguments = ["train", "--model", "cifar-resnet20", "--epochs", "2", "--limit", "256", "--batch-size", "32"]
    ran = subprocess.Popen(
        [sys.executable, "-m", "py_djl_resnet", *arguments], cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # at the end of the process
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    assert ran.wait() == 0
    lines = [line for line in re.split(r"[\r\n]+", written.decode()) if line.strip()]
    bars = [line for line in lines if line.startswith(("Train ", "Eval "))]
    assert any(re.match(r"Train 1/2  \d+%  ━*─*  \d+:\d\d  loss \d\.\d+  acc \d\.\d{3}", line) for line in bars), bars
    assert all(len(line) < 80 for line in bars)
    assert [line.partition(":")[0] for line in lines if line.startswith("epoch ")] == ["epoch 1/2", "epoch 2/2"]


def test_summary_as_json_has_its_documented_form(command):
    code, out, err = command("summary", "d2l-resnet18", "--input", "1,1,224,224", "--json")
    assert (code, err) == (0, "")
    form = json.loads(out)
    assert list(form) == ["model", "input", "layers", "total"]
    assert form["layers"][0] == {
        "name": "01Conv2d",
        "type": "Convolution",
        "output_shape": [1, 64, 112, 112],
        "parameters": 64 * 49 + 64,
        "multiply_adds": 64 * 49 * 112 * 112,
    }
    assert form["total"]["trainable_parameters"] == 11_178_378


def test_summary_as_a_table_has_totals(command):
    code, out, _ = command("summary", "d2l-resnet18", "--table", "--classes", "7")
    assert code == 0
    assert re.search(r"10Linear +Linear +\(1,7\) +3,591 +3,584", out)


def test_evaluate_prints_metrics_and_keeps_the_full_confusion_matrix(command, trained, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("recipe.json", "best.safetensors"):
        shutil.copy(trained.folder / name, run)
    full = run / "figures" / "evaluation.png"
    full.parent.mkdir()
    full.write_bytes(b"of all examples")
    code, out, err = command("evaluate", "run", "--limit", "300")
    assert code == 0
    assert re.match(r"loss \d+\.\d{3}, accuracy [01]\.\d{3}, 300 examples\n", out)
    assert re.search(r"\nAnkle boot +[01]\.\d{3} +[01]\.\d{3} +[01]\.\d{3} +\d+\n", out)
    assert err == "confusion matrix: run/figures/evaluation-limit-300.png\n"
    for more in (["--dataset", "fashion-mnist"], ["--bypass", "layer1.0"]):
        assert command("evaluate", "run", "--limit", "300", *more)[::2] == (0, "")
    assert sorted(file.name for file in full.parent.iterdir()) == ["evaluation-limit-300.png", "evaluation.png"]
    assert full.read_bytes() == b"of all examples"


def test_unwritable_default_figure_is_a_warning(command, trained, tmp_path):
    run = shutil.copytree(trained.folder, tmp_path / "run", ignore=shutil.ignore_patterns("figures"))
    (run / "figures").write_text("in the way")
    code, out, err = command("evaluate", "run", "--limit", "10")
    assert code == 0
    assert out.startswith("loss ")
    assert re.fullmatch(
        r"py-djl-resnet: warning: No figure: Figure .*evaluation-limit-10\.png cannot be written: .*\n", err
    )
    code, _, err = command("evaluate", "run", "--limit", "10", "--figure", "run/figures/mine.png")
    assert code == 2
    assert "error: Figure run/figures/mine.png cannot be written" in err


def test_evaluate_as_json_has_its_documented_form(command, trained, tmp_path):
    code, out, _ = command(
        "evaluate", trained.folder / "last.safetensors", "--limit", "300", "--json", "--figure", "c.svg"
    )
    assert code == 0
    form = json.loads(out)
    assert list(form) == ["loss", "accuracy", "classes", "confusion_matrix"]
    assert [list(c) for c in form["classes"]] == [["name", "precision", "recall", "f1", "support"]] * 10
    matrix = form["confusion_matrix"]
    assert sum(map(sum, matrix)) == 300
    assert sum(matrix[i][i] for i in range(10)) / 300 == pytest.approx(form["accuracy"])
    for i, entry in enumerate(form["classes"]):
        assert entry["support"] == sum(matrix[i])
        assert entry["recall"] == pytest.approx(matrix[i][i] / sum(matrix[i]))
    assert (tmp_path / "c.svg").read_text().startswith("<?xml")


def test_predict_prints_a_line_per_image_or_json(command, trained, tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (50, 40), "navy").save(tmp_path / f"{name}.png")
    code, out, err = command("predict", trained.folder, "b.png", ".", "--top-k", "2")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["b.png", "a.png", "b.png"]
    code, out, err = command("predict", trained.folder, "a.png", "--json")
    assert (code, err) == (0, "")
    ((form),) = json.loads(out)
    assert form["image"] == "a.png"
    assert [list(top) for top in form["top"]] == [["class", "probability"]] * 3


@pytest.mark.parametrize(("name", "first"), [("models", "d2l-resnet18"), ("datasets", "fashion-mnist")])
def test_lists_are_text_or_json(command, name, first):
    code, out, err = command(name)
    assert (code, err) == (0, "")
    assert any(line.startswith(first) for line in out.splitlines())
    code, out, err = command(name, "--json")
    assert (code, err) == (0, "")
    assert first in [entry["name"] for entry in json.loads(out)]


def test_doctor_fails_when_training_cannot_work(command, monkeypatch):
    from py_djl_resnet.cli import doctor
    from py_djl_resnet.doctor import Finding

    finding = Finding("java", "failure", "no Java was found", "install a JDK")
    monkeypatch.setattr(doctor, "examine", lambda engine: [finding])
    code, out, _ = command("doctor")
    assert code == 1
    assert out == "failure  java  no Java was found\n               → install a JDK\n"


def test_unexpected_error_is_one_line_and_debug_shows_the_rest(command, monkeypatch):
    from py_djl_resnet.cli import models

    def broken(engine):
        raise RuntimeError("something\nbroke")

    monkeypatch.setattr(models, "available", broken)
    code, _, err = command("models")
    assert code == 1
    assert err == "py-djl-resnet: error: RuntimeError: something broke (use --debug for the traceback)\n"
    for arguments in (["models", "--debug"], ["--debug", "models"]):
        code, _, err = command(*arguments)
        assert code == 1
        assert "Traceback" in err


def test_output_that_is_not_utf8_is_whole():
    program = [sys.executable, "-m", "py_djl_resnet", "models"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    form = subprocess.run([*program, "--json"], env=environment, capture_output=True, check=True).stdout
    assert any("\u00d7" in model["description"] for model in json.loads(form))
    text = subprocess.run(program, env=environment, capture_output=True, check=True).stdout.decode("ascii")
    assert len(text.splitlines()) > len(json.loads(form))


def test_errors_are_red_if_the_terminal_supports_colours(command, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    error = command("trian")[2]
    assert error.startswith("py-djl-resnet: \x1b[31merror:\x1b[0m Unknown command. Received: 'trian'. Did you mean")
    monkeypatch.setenv("NO_COLOR", "1")
    assert command("trian")[2].startswith("py-djl-resnet: error: Unknown")


def test_table_wraps_between_words_at_the_width_of_the_terminal():
    rows = [("name", "size", "description"), ("idx", "12", "Your own four files, named as those of MNIST")]
    assert text_table(rows, right=(1,)) == (
        "name  size  description\nidx     12  Your own four files, named as those of MNIST"
    )
    assert text_table(rows, right=(1,), columns=40) == (
        "name  size  description\nidx     12  Your own four files, named\n            as those of MNIST"
    )
    assert text_table(rows, right=(1,), columns=24) == (
        "idx\n  size: 12; description:\n  Your own four files,\n  named as those of\n  MNIST"
    )


def test_download_without_the_network_is_rejected(command):
    code, _, err = command("datasets", "--download", "cifar-10", "--offline")
    assert code == 2
    assert "--offline" in err


def test_figure_that_fails_in_matplotlib_leaves_the_final_lines(command, monkeypatch):
    def broken(run, path=None, **options):
        raise ZeroDivisionError("of a font")

    monkeypatch.setattr(Run, "plot", broken)
    code, out, err = command(
        "train", "--limit", "64", "--batch-size", "64", "--epochs", "1", "--quiet", "--out", "mine"
    )
    assert (code, err) == (0, "py-djl-resnet: warning: No figure: ZeroDivisionError: of a font\n")
    assert re.fullmatch(f"{LAST}mine\n", out)
