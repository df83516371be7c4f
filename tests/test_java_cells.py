"""%%java cells in this process's JVM."""

import contextlib
import gc
import os
import re
import signal
import threading
import time
import weakref

import numpy as np
import pytest
from processes import run

pytest.importorskip("IPython", reason="the extra [notebook] is not installed")


@pytest.fixture(scope="module")
def shell(jvm):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "py_djl_resnet.notebook")
    yield shell
    shell.run_line_magic("unload_ext", "py_djl_resnet.notebook")
    InteractiveShell.clear_instance()


@pytest.fixture
def java(shell, capsys):
    """Runs a Java cell and returns its result."""
    capsys.readouterr()

    def run(code, line=""):
        return shell.run_cell_magic("java", line, code)

    return run


def rejected(java, code, line=""):
    """Runs a Java cell that fails and returns its error."""
    from py_djl_resnet.errors import ResnetError

    with pytest.raises(ResnetError) as caught:
        java(code, line)
    return caught.value


@pytest.mark.parametrize(
    ("value", "java_type"),
    [
        (7, "int"),
        (2**40, "long"),
        (-(2**63), "long"),
        (0.1, "double"),
        (True, "boolean"),
        ('naïve 😀 \n "quoted" \\', "String"),
        ("", "String"),
    ],
)
def test_plain_values_cross_both_ways(shell, java, value, java_type):
    shell.user_ns["there"] = value
    java(f"{java_type} back = there;", "-i there -o back")
    assert type(shell.user_ns["back"]) is type(value)
    assert shell.user_ns["back"] == value


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8", "int32", "int64", "bool", "float16"])
@pytest.mark.parametrize("shape", [(2, 3), (4,), (), (0,), (0, 3)])
def test_arrays_cross_both_ways_with_type_and_shape(shell, java, dtype, shape):
    array = np.arange(int(np.prod(shape)), dtype="int64").reshape(shape).astype(dtype)
    shell.user_ns["array"] = array
    java("import ai.djl.ndarray.NDArray; NDArray same = array;", "-i array -o same")
    same = shell.user_ns["same"]
    assert (same.dtype, same.shape) == (array.dtype, array.shape)
    assert np.array_equal(same, array)


def test_a_transposed_array_is_copied(shell, java):
    shell.user_ns["turned"] = turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    expected = turned * 2
    java("import ai.djl.ndarray.NDArray; NDArray doubled = turned.mul(2);", "-i turned -o doubled")
    turned[:] = 0
    assert np.array_equal(shell.user_ns["doubled"], expected)


@pytest.mark.parametrize("code", ["long[][] rows = {{1, 2}, {3}};", "long[][] rows = {{1, 2}, null};"])
def test_a_ragged_array_stays_a_java_object(shell, java, code):
    java(code + " int after = 1;", "-o rows,after")
    assert [int(n) for n in shell.user_ns["rows"][0]] == [1, 2]
    assert shell.user_ns["after"] == 1


@pytest.mark.parametrize(
    ("code", "dtype", "shape"),
    [
        ("new float[0][3]", "float32", (0, 0)),
        ("new long[2][0]", "int64", (2, 0)),
        ("new boolean[0]", "bool", (0,)),
        ("new short[][] {{1}}", "int16", (1, 1)),
    ],
)
def test_empty_java_arrays_keep_their_type(java, code, dtype, shape):
    array = java(code)
    assert (array.dtype, array.shape) == (np.dtype(dtype), shape)


def test_names_are_separated_by_commas_and_spaces(shell, java):
    shell.user_ns.update(one=1, two=2)
    java("int three = one + two; int four = 4;", "-i one, two -o three -o four")
    assert (shell.user_ns["three"], shell.user_ns["four"]) == (3, 4)


def test_a_failed_output_changes_no_variable(shell, java):
    shell.user_ns["first"] = "before"
    rejected(java, "int first = 1;", "-o first,absent")
    assert shell.user_ns["first"] == "before"


def test_java_arrays_of_numbers_become_numpy_arrays(shell, java):
    java("int[] one = {1, 2}; double[][] two = {{1, 2}, {3, 4}};", "-o one,two")
    assert shell.user_ns["one"].tolist() == [1, 2]
    assert shell.user_ns["two"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_blocks_and_networks_are_the_same_objects_on_both_sides(shell, java):
    from py_djl_resnet import create_model

    with create_model("plain20", 1, seed=5) as model:
        shell.user_ns.update(model=model, x=np.ones((1, 1, 8, 8), np.float32))
        code = "var block = model.block(); var own = model; NDArray y = model.forward(x, false);"
        java("import ai.djl.ndarray.NDArray;" + code, "-i model,x -o block,own,y")
        # the blocks against the program
        assert np.allclose(shell.user_ns["y"], model(shell.user_ns["x"]), rtol=0, atol=1e-6)
        assert shell.user_ns["own"] is model
        assert java("block == model.block()", "-i block") is True


def test_java_keeps_a_network_that_python_dropped(shell, java):
    from py_djl_resnet import create_model

    shell.user_ns["ours"] = create_model("plain20", 1, 2)
    weights = shell.user_ns["ours"].state_dict()["conv1.weight"]
    java("import org.djlresnet.model.Network;", "-i ours")
    java('var made = Network.create("plain20", 1, List.of("a"), 0, ai.djl.Device.cpu());', "-o made")
    dropped = [weakref.ref(shell.user_ns.pop(name)) for name in ("ours", "made")]
    gc.collect()
    assert [reference() is None for reference in dropped] == [False, True]
    for name in ("ours", "made"):
        java(f'float[] found = {name}.stateDict().get("conv1.weight").toFloatArray();', "-o found")
        assert shell.user_ns["found"].shape == (weights.size,)
        assert name == "made" or np.array_equal(shell.user_ns["found"], weights.ravel())
    shell.user_ns["ours"] = 0
    java("ours", "-i ours")
    assert dropped[0]() is None


def test_a_cell_returns_its_last_expression_unless_a_semicolon_follows(java):
    assert java("int value = 20;\nvalue + 1") == 21
    assert java("value + 1;") is None
    assert java("String.valueOf(value)") == "20"
    assert repr(java("java.util.List.of(value)")) == "[20]"
    assert java("// nothing but a comment") is None


def test_an_exception_shows_its_message_and_line(java):
    java("int divide(int a, int b) {\n\n    return a / b;\n}")
    error = rejected(java, "int fine = 1;\n// a comment\ndivide(fine, 0);")
    head, where, *trace = str(error).splitlines()
    assert head == "java.lang.ArithmeticException: / by zero"
    assert re.fullmatch(r"    Java cell \d+, line 3: return a / b;", where)
    assert error.line == 3
    assert [line.partition(", ")[2] for line in trace] == ["line 3", "line 3"]


def test_a_compilation_error_shows_its_message_and_line(java):
    error = rejected(java, "int fine = 1;\n\nString wrong = fine;")
    assert error.kind == "CompilationError"
    assert "int cannot be converted to java.lang.String" in str(error)
    assert str(error).endswith("line 3: String wrong = fine;")


def test_nothing_runs_after_an_error(shell, java, capsys):
    rejected(java, 'System.out.println("before");\nint[] none = new int[-1];\nSystem.out.println("after");')
    assert capsys.readouterr().out == "before\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-i absent", "%%java -i: there is no Python variable 'absent'."),
        ("-o absent", "There is no Java variable 'absent'."),
        ("-i os_module", "os_module cannot be passed to Java. Received: module. Allowed: numbers, strings"),
        ("-i huge", "huge does not fit into Java's long. Received: 9223372036854775808."),
        ("-i words", "Java has no arrays of words's dtype. Received: <U1. Allowed: float16"),
        ("-i new", "Java does not allow this declaration. Received: int new. Assign the value to another name."),
        ("-i masked", "masked is a masked array, and Java has no masks. Pass masked.filled(value)."),
        ("-i numbers", "numbers cannot be passed to Java. Received: list. Allowed: numbers, strings"),
        ("--in x", "Usage: %%java -i NAMES -o NAMES, with names separated by commas."),
    ],
)
def test_error_names_the_value_that_cannot_cross(shell, java, line, message):
    shell.user_ns.update(os_module=os, huge=2**63, words=np.array(["a"]), new=1)
    shell.user_ns.update(masked=np.ma.array([1, 2], mask=[0, 1]), numbers=[1])
    assert message in str(rejected(java, "1;", line))


def test_advice_for_values_that_cannot_cross_works(shell, java):
    shell.user_ns.update(numbers=np.array([1.5, 2]), masked=np.ma.array([1, 2], mask=[0, 1]).filled(7))
    java("double sum = numbers.sum().getDouble(); long last = masked.getLong(1);", "-i numbers,masked -o sum,last")
    assert (shell.user_ns["sum"], shell.user_ns["last"]) == (3.5, 7)


def test_output_is_complete_and_in_order(java, capsys):
    count = 30_000
    code = f'for (int i = 0; i < {count}; i++) {{ (i % 7 == 0 ? System.err : System.out).println(i + " ä😀"); }}'
    java(code)
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"{i} ä😀" for i in range(count) if i % 7]
    assert captured.err.splitlines() == [f"{i} ä😀" for i in range(count) if i % 7 == 0]


def test_output_may_end_in_a_replacement_character(java, capsys):
    java('System.out.print("cut \\uFFFD");')
    assert capsys.readouterr().out == "cut \ufffd"


@contextlib.contextmanager
def interrupted_when_there_is(file):
    """A block that Ctrl-C interrupts as soon as a file exists."""
    over = threading.Event()

    def interrupt():
        while not file.exists():
            if over.wait(0.05):
                return
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt, match="The Java cell was interrupted"):
            yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("code", ["Thread.sleep(1_000_000);", "long turns = 0;\nwhile (true) { turns++; }"])
def test_a_long_cell_can_be_interrupted(shell, java, tmp_path, code):
    shell.user_ns["begun"] = str(tmp_path / "begun")
    began = time.monotonic()
    with interrupted_when_there_is(tmp_path / "begun"):
        java("java.nio.file.Files.createFile(java.nio.file.Path.of(begun));\n" + code, "-i begun")
    assert time.monotonic() - began < 60
    assert java("1 + 1") == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_tostring_that_never_returns_shows_the_class(java):
    code = 'class Endless { public String toString() { return "" + this; } }\nnew Endless()'
    assert re.fullmatch(r"class REPL\.\S+Endless", repr(java(code)))
    assert java("1 + 1") == 2


def test_a_runtime_without_a_compiler_is_reported():
    script = """
    from py_djl_resnet._java import jvm
    from py_djl_resnet.errors import UsageError
    try:
        with jvm.translated_errors():
            jvm.bridge().javaCells([])
    except UsageError as error:
        print(error)
    """
    _, out, err = run(script, JAVA_TOOL_OPTIONS="--limit-modules=java.se,jdk.unsupported,jdk.zipfs")
    assert out.startswith("Java cells need a JDK to compile them. Received: "), err
