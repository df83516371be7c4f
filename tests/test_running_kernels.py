"""Cells in real kernels: none of their output is lost, and what is interrupted ends well."""

import json
import textwrap

import pytest

pytest.importorskip("nbclient", reason="the extra [notebook] is not installed")

from kernels import Kernel

from py_djl_resnet.datasets import bundled_data
from py_djl_resnet.notebook import kernel

# An epoch that takes longer than a cell gets to end in, in a thread that no interruption reaches
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


def test_the_java_kernel_loses_no_output_and_awaits_what_it_interrupts(java_kernel, tmp_path):
    with Kernel(kernel.NAME) as cells:
        count = 50_000
        ran = cells.run(f"for (int i = 0; i < {count}; i++) System.out.println(i);\n7")
        assert ran.status == "ok"
        assert ran.text().split() == [str(i) for i in range(count)]
        assert ran.results == ["7"]
        ran = cells.run('for (int i = 0; i < 300; i++) (i % 2 == 0 ? System.out : System.err).print(i + " ");')
        assert "".join(text for _, text in ran.printed).split() == [str(i) for i in range(300)]

        gate = "var gate = new java.util.concurrent.CountDownLatch(1);"
        late = (
            'new Thread(() -> { try { gate.await(); } catch (Exception e) { } System.out.println("late"); }).start();'
        )
        before = cells.run(gate + late)
        assert before.printed == []
        after = cells.run("gate.countDown();")
        assert cells.prints_later(after, "late")

        ran = cells.run(training(tmp_path / "run"), interrupt_at="in epoch 1")
        assert "EvaluationInterruptedException" in ran.error
        assert "interrupted: the run ends its batch and saves its state\n" in ran.text()
        assert cells.run(STATE).text() == "STOPPED false\n"
        assert cells.run("run.network().close();").status == "ok"
        assert_saved(tmp_path / "run")

        # one statement: JJava has nothing to interrupt between two
        ran = cells.run('{ System.out.println("begun"); Thread.sleep(1_000_000); }', interrupt_at="begun")
        assert "EvaluationInterruptedException" in ran.error
        assert cells.run("1 + 1").results == ["2"]


def test_cells_of_java_in_pythons_kernel_await_what_they_interrupt(tmp_path):
    with Kernel("python3") as cells:
        assert cells.run("%load_ext py_djl_resnet.notebook").status == "ok"
        ran = cells.run("%%java\n" + training(tmp_path / "run"), interrupt_at="in epoch 1")
        assert ran.error == "KeyboardInterrupt: the Java cell was interrupted"
        assert cells.run("%%java\n" + STATE).text() == "STOPPED false\n"
        assert cells.run("%%java\nrun.network().close();").status == "ok"
        assert_saved(tmp_path / "run")

        # a training of Python, which a further interruption does not take the kernel away from
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
        assert ran.error.startswith("Interrupted: training was interrupted by SIGINT")
        assert cells.run("recipe.epochs").results == ["1000"]
        assert_saved(tmp_path / "python")

        # the end of Java would be that of this kernel, in the midst of what it does
        refused = "System.exit(3) would end Java, and this notebook's Python with it; restart the kernel instead"
        ran = cells.run('%%java\nint kept = 7; System.out.println("before"); System.exit(3); kept = 8;')
        assert ran.error.splitlines()[0] == f"JavaError: java.lang.SecurityException: {refused}"
        assert "    Java cell 4, line 1: int kept = 7;" in ran.error
        assert ran.text() == "before\n"
        ran = cells.run("1 + 1")
        assert (ran.printed, ran.results) == ([], ["2"])
        assert cells.run("%%java\nkept").results == ["7"]
