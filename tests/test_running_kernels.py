"""Cells in running kernels: complete output and clean interruption."""

import json
import textwrap

import pytest

pytest.importorskip("nbclient", reason="the extra [notebook] is not installed")

from kernels import Kernel

from py_djl_resnet.datasets import bundled_data
from py_djl_resnet.notebook import kernel

# An epoch longer than an interrupted cell may take, on a thread that the interruption does not reach
TRAINING = """
import java.nio.file.Path;
import org.djlresnet.training.*;
String settings = "{\\"model\\": \\"plain20\\", \\"epochs\\": 1000, \\"limit\\": 64, \\"batch_size\\": 16}";
var recipe = org.djlresnet.recipe.Recipe.fromJson(settings);
var run = TrainingRun.prepare(recipe, Path.of(DATA), Path.of(FOLDER));
run.trainer().onEpoch(row -> {
    System.out.println("in epoch " + row.epoch());
    java.util.concurrent.locks.LockSupport.parkNanos(4_000_000_000L);
});
org.djlresnet.notebook.Bars.train(run.trainer());
"""
STATE = """
boolean trains = Thread.getAllStackTraces().keySet().stream().anyMatch(t -> t.getName().equals("training"));
System.out.println(run.trainer().progress().state() + " " + trains);
"""


def training(folder):
    return TRAINING.replace("DATA", json.dumps(str(bundled_data()))).replace("FOLDER", json.dumps(str(folder)))


def assert_saved(folder):
    from py_djl_resnet import load

    with load(folder / "last.safetensors") as model:
        assert 4 <= model.info["step"] < 4000


def test_the_java_kernel_keeps_all_output_and_waits_for_an_interrupted_training(java_kernel, tmp_path):
    with Kernel(kernel.NAME) as cells:
        count = 50_000
        ran = cells.run(f"for (int i = 0; i < {count}; i++) System.out.println(i);\n7")
        assert ran.status == "ok"
        assert ran.text().split() == [str(i) for i in range(count)]
        assert ran.results == ["7"]
        ran = cells.run('for (int i = 0; i < 300; i++) (i % 2 == 0 ? System.out : System.err).print(i + " ");')
        assert "".join(text for _, text in ran.printed).split() == [str(i) for i in range(300)]

        gate = "var gate = new java.util.concurrent.CountDownLatch(1);"
        late = 'try { gate.await(); } catch (Exception e) { } System.out.print("late");'
        before = cells.run(f"{gate} var thread = new Thread(() -> {{ {late} }}); thread.start();")
        assert before.printed == []
        assert cells.run("gate.countDown(); thread.join();").text() == "late"

        ran = cells.run(training(tmp_path / "run"), interrupt_at="in epoch 1")
        assert "EvaluationInterruptedException" in ran.error
        assert "Interrupted. Finishing the batch and saving the state.\n" in ran.text()
        assert cells.run(STATE).text() == "STOPPED false\n"
        assert cells.run("run.network().close();").status == "ok"
        assert_saved(tmp_path / "run")

        # one statement: JJava ignores an interruption between two
        ran = cells.run('{ System.out.println("begun"); Thread.sleep(1_000_000); }', interrupt_at="begun")
        assert "EvaluationInterruptedException" in ran.error
        assert cells.run("1 + 1").results == ["2"]

        # a cell that cannot be compiled leaves later ones alone
        assert cells.run('"' + "y" * 70_000 + '".length()').text("stderr") == "constant string too long\n"
        assert cells.run("3 + 3").results == ["6"]


def test_java_cells_in_python_wait_for_an_interrupted_training(tmp_path):
    with Kernel("python3") as cells:
        assert cells.run("%load_ext py_djl_resnet.notebook").status == "ok"
        ran = cells.run("%%java\n" + training(tmp_path / "run"), interrupt_at="in epoch 1")
        assert ran.error == "KeyboardInterrupt: The Java cell was interrupted."
        assert cells.run("%%java\n" + STATE).text() == "STOPPED false\n"
        assert cells.run("%%java\nrun.network().close();").status == "ok"
        assert_saved(tmp_path / "run")

        # repeated interruptions of a training in Python do not end the kernel
        train = f"""
        import signal, time
        import py_djl_resnet as resnet
        recipe = resnet.Recipe(model="plain20", epochs=1000, limit=64, batch_size=16)
        def slowly(row):
            if row["epoch"] > 1:
                return
            came, handler = [], signal.getsignal(signal.SIGINT)
            signal.signal(signal.SIGINT, lambda *arguments: (came.append(1), handler(*arguments)))
            print("epoch", row["epoch"])
            while len(came) < 3:
                time.sleep(0.01)
        resnet.train(recipe=recipe, out={str(tmp_path / "python")!r}, progress=False, callback=slowly)
        """
        ran = cells.run(textwrap.dedent(train), interrupt_at="epoch 1", times=3)
        assert ran.error.startswith("Interrupted: Training was interrupted by SIGINT")
        assert cells.run("recipe.epochs").results == ["1000"]
        assert_saved(tmp_path / "python")
