"""The tables, counts and processes of the benchmarks, not their measurements."""

import ast
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import compare
import contenders
import finetune
import landscape
import pytorch_settings
import recipes
import report
import scaling
import vae
from roofline import Layer, training_flops

import py_djl_resnet
from py_djl_resnet.recipe import bundled_recipes, bundled_text, settings_of

ROUNDS = [
    {
        "train28": {"ours": ours, "ours-bfloat16": 2 * ours, "eager": eager, "autocast": auto, "autocast-last": last},
        "latency": {"ours": call, "eager": 4.0},
        "peak": {"ours": 700.0, "ours-bfloat16": 490.0},
        "flops": {"train28": 5e8},
        "peaks": {"float32": 3e11, "bfloat16": 6e11},
    }
    for ours, eager, auto, last, call in (
        (300.0, 200.0, 300.0, 200.0, 2.0),
        (330.0, 220.0, 200.0, 330.0, 4.0),
        (310.0, 155.0, 200.0, 155.0, 2.5),
    )
]


@pytest.fixture(autouse=True)
def editable_text():
    """Keeps the text of SVG files as text."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        yield


def rows(table):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_autoencoders_are_compared_with_both_memory_orders():
    rounds = [
        {"ours": 120.0, "contiguous": 100.0, "channels last": 110.0},
        {"ours": 150.0, "contiguous": 100.0, "channels last": 125.0},
    ]
    found = vae.row(vae.CASES[1], rounds, 9000)
    assert found[:3] == ["vae-small", "128", "71"]
    assert found[3:] == [
        "135 (120 to 150)",
        "100 (100 to 100)",
        "118 (110 to 125)",
        "1.35 (1.20 to 1.50)",
        "1.15 (1.09 to 1.20)",
    ]


def test_speedups_are_medians_of_the_rounds_ratios_with_their_bounds():
    head, _, train, latency = rows(report.speedups(ROUNDS))
    assert head[1:4] == ["float32 / eager", "bfloat16 / eager", "bfloat16 / best autocast"]
    assert train[1:] == [
        # 300/200, 330/220, 310/155
        "**1.50** (1.50 to 2.00); at least 1.6: **not reached**",
        "**3.00** (3.00 to 4.00); at least 2.2: reached",
        # 600/300, 660/330, 620/200
        "**2.00** (2.00 to 3.10); at least 1.4: reached",
        "",
        "",
    ]
    # less is better: 4/2, 4/4, 4/2.5
    assert latency[1] == "**1.60** (1.00 to 2.00); at least 2.2: **not reached**"


def test_speeds_have_the_percentage_of_the_roofline_in_their_precision():
    head, _, train, latency = rows(report.speeds(ROUNDS))
    assert head[1:4] == ["py_djl_resnet, float32", "py_djl_resnet, bfloat16", "PyTorch, eager float32"]
    # 310 · 5e8 / 3e11 = 52 %, 620 · 5e8 / 6e11 = 52 %, 200 · 5e8 / 3e11 = 33 %
    assert train[1:4] == ["310 (300 to 330), 52 %", "620 (600 to 660), 52 %", "200 (155 to 220), 33 %"]
    assert latency[1] == "2.50 (2.00 to 4.00)"


def test_values_without_torch_have_no_ratios_and_a_failed_contender_no_value():
    rounds = [{"train28": {"ours": 300.0}}, {"train28": {"ours": 100.0, "eager": 50.0}}]
    assert rows(report.speedups(rounds[:1])) == []
    assert rows(report.speedups(rounds))[2][1].startswith("**2.00**;")
    assert rows(report.speeds(rounds[:1]))[2][1:] == ["300"]


def test_facts_compare_memory_with_its_bounds():
    lines = report.facts(ROUNDS).splitlines()
    memory = (
        "- Peak memory, training at 28×28, py_djl_resnet, float32: 700 (700 to 700) MB; at most 699: **not reached**"
    )
    assert lines[0] == memory
    assert lines[2] == "- bfloat16 needs 30 % less memory; at least 25 %: reached"
    assert lines[3] == "- Roofline, float32: 300 (300 to 300) GFLOP/s"


def test_multiply_adds_leave_out_padding():
    # Along an axis of 4, a kernel of 3 sees 2, 3, 3 and 2 positions; with stride 2, 2 and 3; on one position, 1
    assert Layer(2, 3, size=4, kernel=3, padding=1).multiply_adds() == 2 * 3 * 10 * 10
    assert Layer(2, 4, size=4, kernel=3, stride=2, padding=1, groups=2).multiply_adds() == 1 * 4 * 5 * 5
    assert Layer(512, 512, size=1, kernel=3, padding=1).multiply_adds() == 512 * 512
    # Two operations each, three passes, and no gradient of the images
    assert training_flops([Layer(2, 3, 4, 3, 1, 1), Layer(3, 10)]) == 2 * (2 * 600 + 3 * 30)


def test_figure_of_a_comparison_has_the_contenders(tmp_path):
    report.figure(ROUNDS, "machine", tmp_path / "new" / "compare.svg")
    text = set(re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "new" / "compare.svg").read_text("utf-8")))
    assert {"Speed compared with eager PyTorch", "py_djl_resnet, bfloat16", "PyTorch, autocast", "machine"} <= text
    assert "torch.compile, float32" not in text


def test_section_replaces_the_text_between_its_markers():
    page = "a\n<!-- one -->\nold\n\\1\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    changed = report.insert(page, "one", "new \\1")
    assert changed == "a\n<!-- one -->\n\nnew \\1\n\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    assert report.insert(changed, "one", "new \\1") == changed


@pytest.mark.parametrize("page", ["", "<!-- one -->\n", "<!-- /one -->\n<!-- one -->\n"])
def test_page_without_markers_is_rejected(page):
    with pytest.raises(ValueError, match=r"must have the marks <!-- one --> and <!-- /one --> once each"):
        report.insert(page, "one", "new")


def test_docs_page_has_the_markers():
    page = (report.DOCS / "performance.md").read_text("utf-8")
    for name in ("compare", "scaling"):
        assert "new" in report.insert(page, name, "new")


def test_wrong_parts_are_rejected(capsys):
    assert compare.parse(["--only", "train28,latency"]).only == ("train28", "latency")
    for arguments, message in (
        (["--only", "train28,speed"], "Received: speed."),
        (["--docs", "--only", "latency"], "--docs needs all parts. Omit --only, or add to earlier rounds with --add."),
    ):
        with pytest.raises(SystemExit):
            compare.parse(arguments)
        assert message in capsys.readouterr().err


def test_scaling_has_a_row_per_point():
    points = {
        (1, 32, 28): {"ours": [(150.0, 500.0), (180.0, 510.0)], "eager": [(100.0, 900.0), (90.0, 900.0)]},
        (2, 32, 56): {"ours": [(300.0, 600.0)], "eager": [(100.0, 900.0)]},
    }
    first, second = rows(scaling.table(points))[2:]
    speeds = ["165 (150 to 180), 505 MB", "95.0 (90.0 to 100.0), 900 MB", "1.75 (1.50 to 2.00)"]
    assert first == ["1", "32", "28×28", *speeds]
    assert second[:3] == ["2", "32", "56×56"]


def test_process_returns_output_and_memory_and_raises_its_error(monkeypatch):
    # In its own process: a child starts with the peak memory of its parent, here all these tests
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import contenders\n"
        "code = \"import os; x = b'1' * 80_000_000; print(os.environ['OMP_NUM_THREADS'], "
        "'GOMP_SPINCOUNT' in os.environ)\"\n"
        "ended = contenders.run([sys.executable, '-c', code], 3); print(ended.output.strip(), ended.peak_mb)"
    )
    monkeypatch.setenv("GOMP_SPINCOUNT", "0")
    folder = str(Path(contenders.__file__).parent)
    told = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True).stdout
    threads, inherited, peak_mb = told.split()
    assert (threads, inherited) == ("3", "False")
    assert 80 < float(peak_mb) < 400
    with pytest.raises(contenders.ProcessFailedError, match=r"exit code 1 of: .*\n(.*\n)*.*ZeroDivisionError"):
        contenders.run([sys.executable, "-c", "1 / 0"], 1)


def test_busy_process_ends_with_its_block():
    with contenders.busy_core() as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_python_without_torch_is_detected(tmp_path, monkeypatch):
    # A Python with the standard library only, and one that finds a module of that name
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    assert not contenders.has_torch(bare)
    (tmp_path / "torch.py").write_text("raise AssertionError('imported')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert contenders.has_torch(Path(sys.executable))
    assert not contenders.has_torch(bare)


def test_the_books_loop_runs(jvm, tmp_path):
    """It is compiled as it starts, so no build notices when DJL changes."""
    assert contenders.Contenders(1, Path(sys.executable), tmp_path).chapter(8) > 0


def test_failed_contender_leaves_the_others_values(monkeypatch, tmp_path, capsys):
    def train(self, work, name, limit, *more):
        if name != "ours":
            raise contenders.ProcessFailedError("no memory")
        return contenders.Training(300.0, 900.0, 500.0, {}, [])

    monkeypatch.setattr(contenders.Contenders, "train", train)
    monkeypatch.setattr(contenders, "has_torch", lambda python: False)
    arguments = ["compare.py", "--rounds", "2", "--only", "train28", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="Not measured in every round: train28 by ours-bfloat16"):
        compare.main()
    assert "| 300 (300 to 300) |" in capsys.readouterr().out
    values = {"train28": {"ours": 300.0}, "evaluate28": {"ours": 900.0}, "peak": {"ours": 500.0}}
    assert json.loads((tmp_path / "compare.json").read_text())["rounds"] == [values, values]


def test_measurement_is_the_mean_over_seeds_at_the_last_epoch():
    rows = [
        {"seconds": "60", "validation_seconds": "3", "test_accuracy": "0.95"},
        {"seconds": "54", "validation_seconds": "3", "test_accuracy": "0.9"},
    ]
    first = recipes.reached(rows, "ours 1")
    assert (first.accuracy, first.minutes) == (0.9, 2.0)
    averaged = recipes.reached([rows[0] | {"test_average_accuracy": "0.96"}], "ours 1")
    assert averaged.accuracy == 0.96
    first = dataclasses.replace(first, machine="a machine")
    second = recipes.Seed(0.94, 3.0, "ours 1", "another", accuracy_with_tta=0.945)
    figures = recipes.figures({"ours": [first, second], "pytorch": []})
    assert figures == {
        "accuracy": 0.92,
        "accuracy_with_tta": 0.945,
        "deviation": 0.02828,
        "deviation_with_tta": None,
        "minutes": 2.5,
        "deviation_of_minutes": 0.71,
        "n": 2,
        "machine": "a machine and another; ours 1",
        "pytorch_accuracy": None,
        "pytorch_minutes": None,
        "pytorch_n": None,
    }


def test_measurement_is_written_beside_unchanged_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "FILES", tmp_path)
    (tmp_path / "study.json").write_text(bundled_text("study"), "utf-8")
    recipes.write("study", {"accuracy": 0.5, "n": 1})
    before, after = json.loads(bundled_text("study")), json.loads((tmp_path / "study.json").read_text("utf-8"))
    assert list(after) == list(before)
    assert after["about"] == before["about"] | {"accuracy": 0.5, "n": 1}


def test_seed_is_measured_once(monkeypatch, tmp_path):
    reached = [recipes.Seed(0.9, 1.0, "ours 1", "a machine")]
    monkeypatch.setattr(recipes, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(recipes, "ours", lambda *_: reached.pop())
    args = recipes.parse(["study", "--out", str(tmp_path / "runs")])
    first = recipes.measured(args, "study", 0, "ours")
    assert recipes.measured(args, "study", 0, "ours") == first
    assert first.accuracy == 0.9
    monkeypatch.setattr(recipes, "settings_of", lambda name: {"lr": 1})
    with pytest.raises(SystemExit, match=r"study-seed0\.json was measured with other settings. Remove it to measure"):
        recipes.measured(args, "study", 0, "ours")


def test_shortened_measurement_is_not_published(capsys):
    with pytest.raises(SystemExit):
        recipes.parse(["study", "--write", "--epochs", "1"])
    assert "--write needs the whole recipe. Omit --epochs and --limit." in capsys.readouterr().err


CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture
def cifar(tmp_path):
    for part in ("train", "test"):
        for name in CIFAR:
            (tmp_path / "cifar" / part / name).mkdir(parents=True)
            (tmp_path / "cifar" / part / name / "0.jpg").touch()
    return tmp_path / "cifar"


def test_finetuning_is_measured_on_two_classes_from_the_other_eight(cifar, tmp_path, monkeypatch, capsys):
    accuracies = iter((0.95, 0.97, 0.85, 0.87))
    commands = []

    def run(arguments):
        commands.append(arguments[3:])
        if "finetune" in arguments:
            out = Path(arguments[arguments.index("--out") + 1])
            out.mkdir()
            (out / "metrics.csv").write_text(f"epoch,test_accuracy\n1,0.5\n2,{next(accuracies)}\n")
            (out / "recipe.json").write_text('{"versions": {"djl": "1"}}')

    monkeypatch.setattr(finetune, "run", run)
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["finetune.py", "--cifar", str(cifar), "--seeds", "2", "--out", str(out)])
    for _ in range(2):  # the second time, nothing is trained but the eight classes, which resume
        finetune.main()
        measured = json.loads(capsys.readouterr().out)
        assert (measured["accuracy"], measured["deviation"], measured["n"]) == (0.96, 0.01414, 2)
        assert measured["task"] == (
            "airplane and automobile of CIFAR-10, from fashion-net trained on the other 8 classes; "
            "cat and dog reach 86.00 ± 1.41 %"
        )
    assert [words[0] for words in commands] == [*["train", *["import", "train"] * 2] * 2, "train", "train"]
    for pair in ("airplane-automobile", "cat-dog"):
        for part in ("train", "test"):
            assert sorted(path.name for path in (out / pair / "two" / part).iterdir()) == pair.split("-")
            eight = sorted(path.name for path in (out / pair / "eight" / part).iterdir())
            assert eight == [name for name in CIFAR if name not in pair.split("-")]
            assert (out / pair / "eight" / part / "ship" / "0.jpg").samefile(cifar / part / "ship" / "0.jpg")


def test_settings_for_finetuning_are_tried_without_test_images(cifar, tmp_path):
    finetune.make_folders(cifar, ["cat", "dog"], tmp_path / "out", validation=True)
    assert sorted(path.name for path in (tmp_path / "out" / "validation" / "two").iterdir()) == ["cat", "dog"]
    assert (tmp_path / "out" / "validation" / "two" / "cat").samefile(cifar / "train" / "cat")
    with pytest.raises(SystemExit):
        finetune.parse(["--cifar", str(cifar), "--validation", "--write"])


def complete(name="d2l-fashion-mnist", **settings):
    return recipes.DEFAULTS | settings_of(name) | settings


@pytest.mark.parametrize(
    "name",
    [
        "fashion-mnist-fast",
        "fashion-mnist-best",
        "fashion-mnist-resnet18",
        "fashion-mnist-momentum",
        "d2l-fashion-mnist",
        "cifar-10-fast",
        "cifar-he2016",
        "study",
    ],
)
def test_pytorch_follows_a_recipe(name):
    pytorch_settings.check(complete(name), recipes.DEFAULTS)


def test_pytorch_has_the_network_of_each_recipe():
    # read, not imported: that needs torch
    tree = ast.parse(Path(pytorch_settings.__file__).with_name("pytorch_networks.py").read_text())
    (table,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and [getattr(name, "id", "") for name in node.targets] == ["NETWORKS"]
    )
    names = {key.value for key in table.keys}
    for found in bundled_recipes():
        model = complete(found["name"])["model"]
        if re.fullmatch(pytorch_settings.FORMS["model"], model):
            assert model in names


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"swa_epochs": 3}, "swa_epochs 3"),
        ({"optimizer": "muon", "clip_norm": 1.0}, "clip_norm 1.0, optimizer muon"),
        ({"augment": ("flip", "altflip", "erase:0.25")}, "augment altflip, augment erase:0.25"),
        ({"model": "resnet18"}, "model resnet18"),
        ({"schedule": "plateau", "lookahead": "5:0.5"}, "schedule plateau, lookahead 5:0.5"),
        ({"lr_scales": "norm:64, layer1:2", "freeze": "whiten:3-,stem"}, "lr_scales layer1:2, freeze stem"),
    ],
)
def test_pytorch_rejects_what_it_does_not_follow(settings, told):
    with pytest.raises(SystemExit) as caught:
        pytorch_settings.check(complete(**settings), recipes.DEFAULTS, "mine")
    assert str(caught.value) == f"mine: pytorch_recipe.py does not follow {told}."


def test_recipe_that_pytorch_cannot_follow_is_rejected_before_the_first_seed(monkeypatch, tmp_path):
    monkeypatch.setattr(contenders, "has_torch", lambda python: True)
    monkeypatch.setattr(recipes, "ours", lambda *_: pytest.fail("trained"))
    monkeypatch.setattr(sys, "argv", ["recipes.py", "study", "finetune", "--out", str(tmp_path)])
    with pytest.raises(
        SystemExit, match=r"^finetune: pytorch_recipe.py does not follow model resnet18, dataset folder:photos\.$"
    ):
        recipes.main()


def test_pytorch_has_our_learning_rates():
    def rates(name, steps, *at, **settings):
        return [pytorch_settings.learning_rate(complete(name, **settings), step, steps) for step in at]

    # From 0.2 to 1 after ⌊0.23 · 480⌋ = 110 updates, and to 0.07 after 480
    assert rates("cifar-10-fast", 480, 0, 55, 110, 295, lr=1.5) == pytest.approx([0.3, 0.9, 1.5, 0.8025])
    # 0.44885 · 70,200 = 31,509.27, and 0.67604 · 70,200 = 47,458.008
    assert rates("study", 70_200, 0, 31_508, 31_509, 47_458) == pytest.approx([0.1, 0.1, 0.01, 0.001])
    # A half is rounded up
    assert rates("study", 180, 4, 5, step_at="0.025") == pytest.approx([0.1, 0.01])


def test_pytorch_has_our_number_of_batches():
    def steps(examples, size, drop_last):
        return pytorch_settings.steps_per_epoch({"batch_size": size, "drop_last": drop_last}, examples)

    assert [steps(50_000, 128, None), steps(50_000, 128, False), steps(60_000, 512, True)] == [391, 391, 117]
    # Fewer than 16 of a batch of 256, but more than half of one of 20
    assert [steps(512 + 15, 256, None), steps(512 + 16, 256, None), steps(40 + 11, 20, None)] == [2, 3, 3]
    assert [steps(15, 256, None), steps(257, 256, False), steps(512, 256, None)] == [1, 1, 2]


def test_seconds_of_a_point_leave_out_what_is_done_once(monkeypatch):
    clock = [0.0]

    def surface(network, data, *, grid, **options):
        # starting a process takes 9 seconds, preparing a grid 2 and a point a tenth
        clock[0] += 9 * (clock[0] == 0) + 2 + 0.1 * grid[0] * grid[1]

    monkeypatch.setattr(py_djl_resnet, "loss_surface", surface)
    monkeypatch.setattr(landscape.time, "perf_counter", lambda: clock[0])
    assert landscape.ours("cifar-resnet20", 10, 250, "float32") == pytest.approx(0.1)
