"""The tables and figures of the benchmarks, not their measurements."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import compare
import contenders
import report
import scaling

RESULTS = {
    "train28": {"ours": [300.0, 330.0, 310.0], "eager": [200.0, 220.0, 155.0], "chapter": [100.0, 100.0, 100.0]},
    "latency": {"ours": [2.0, 4.0, 2.5], "eager": [4.0, 4.0, 4.0]},
    "optimizer": {"ours": [0.04, 0.05, 0.03]},
}


@pytest.fixture(autouse=True)
def editable_text():
    """Keeps the text of SVG files as text."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        yield


def texts(svg):
    return set(re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text("utf-8")))


def test_table_has_medians_ranges_and_ratios_of_the_rounds():
    head, _, train, latency = report.table(RESULTS).splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "",
        "py_djl_resnet",
        "PyTorch, eager",
        "the chapter's loop",
        "ratio to PyTorch, eager",
    ]
    assert "| 310 (300 to 330) | 200 (155 to 220) | 100 (100 to 100) |" in train
    # 300/200, 330/220, 310/155
    assert train.endswith("| **1.50 (1.50 to 2.00)** |")
    # less is better: 4/2, 4/4, 4/2.5
    assert latency.endswith("| 2.50 (2.00 to 4.00) | 4.00 (4.00 to 4.00) |  | **1.60 (1.00 to 2.00)** |")


def test_section_replaces_the_text_between_its_markers():
    page = "a\n<!-- one -->\nold\n\\1\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    changed = report.insert(page, "one", "new \\1")
    assert changed == "a\n<!-- one -->\n\nnew \\1\n\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    assert report.insert(changed, "one", "new \\1") == changed


def test_docs_page_has_the_markers():
    page = (report.DOCS / "performance.md").read_text("utf-8")
    for name in ("compare", "scaling", "profile"):
        assert "new" in report.insert(page, name, "new")


def test_profiles_of_rounds_are_reduced_to_medians():
    def profile(value):
        none = {"part": "data", "forward_ms": "", "backward_ms": "", "total_ms": "1", "share": "0.25"}
        return [none, {"part": "fc", "forward_ms": "1", "backward_ms": str(value), "total_ms": "3", "share": "0.75"}]

    data, fc = report.medians([profile(2), profile(9), profile(4)])
    assert data == {"part": "data", "forward_ms": None, "backward_ms": None, "total_ms": 1.0, "share": 0.25}
    assert fc["backward_ms"] == 4.0
    assert report.profile_table([data, fc]).splitlines()[2:] == [
        "| data |  |  | 1.0 | 25.0 % |",
        "| fc | 1.0 | 4.0 | 3.0 | 75.0 % |",
    ]


def test_scaling_has_a_row_per_batch_and_image_size(tmp_path):
    def point(contender, threads, batch_size, image_size, speed):
        return scaling.Point(contender, threads, batch_size, image_size, speed, speed - 2, speed + 4, 500.0, 9)

    points = [
        point(name, threads, batch, size, speed * threads)
        for name, speed in (("ours", 150.0), ("eager", 100.0))
        for threads in (1, 2)
        for batch, size in ((32, 28), (64, 28), (32, 56))
    ]
    lines = scaling.table(points).splitlines()
    first = "| 32 | 28×28 | 150 (500, 148 to 154) | 100 (500, 98 to 104) | 1.50 "
    assert lines[2] == first + "| 300 (500, 298 to 304) | 200 (500, 198 to 204) | 1.50 |"
    assert [line.split(" | ")[:2] for line in lines[3:]] == [["| 64", "28×28"], ["| 32", "56×56"]]
    scaling.figure(points, 32, "machine", tmp_path / "scaling.svg")
    labels = {"Examples per second", "Peak memory (MB)", "Batch size (images of 28×28)"}
    assert labels | {"py_djl_resnet, 1 thread", "PyTorch, eager, 2 threads"} <= texts(tmp_path / "scaling.svg")


def test_process_returns_output_and_memory_and_raises_its_error():
    # In its own process: a child starts with the peak memory of its parent, here all these tests
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import contenders\n"
        "code = \"import os; x = b'1' * 80_000_000; print(os.environ['OMP_NUM_THREADS'])\"\n"
        "ended = contenders.run([sys.executable, '-c', code], 3); print(ended.output.strip(), ended.peak_mb)"
    )
    folder = str(Path(contenders.__file__).parent)
    told = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True).stdout
    output, peak_mb = told.split()
    assert output == "3"
    assert 80 < float(peak_mb) < 400
    with pytest.raises(contenders.ProcessFailedError, match=r"exit code 1 of: .*\n(.*\n)*.*ZeroDivisionError"):
        contenders.run([sys.executable, "-c", "1 / 0"], 1)


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


def test_programs_in_java_run(jvm, tmp_path):
    """They are compiled as they start, so no build notices when the library changes."""
    fixed = contenders.java("FixedBatch", 1, 4, 28, 0.01).output.splitlines()
    assert all(float(line) > 0 for line in fixed)
    (pair,) = contenders.java("DataPath", 1, contenders.DATA, 4, 28, 2, 1).output.splitlines()
    assert len([float(value) for value in pair.split()]) == 2
    (epoch,) = contenders.java("ChapterLoop", 1, contenders.DATA, 1, 8, 4).output.splitlines()
    assert float(epoch) > 0


def test_failed_part_leaves_no_values_of_its_round(monkeypatch, tmp_path, capsys):
    def ours(*settings, **more):
        return contenders.Training(300.0, 900.0, 500.0, {}), []

    def theirs(*settings, **more):
        raise contenders.ProcessFailedError("no memory")

    monkeypatch.setattr(contenders, "ours", ours)
    monkeypatch.setattr(contenders, "theirs", theirs)
    monkeypatch.setattr(contenders, "has_torch", lambda python: True)
    monkeypatch.setattr(sys, "argv", ["compare.py", "--rounds", "2", "--only", "main", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="Not measured in every round: main"):
        compare.main()
    assert "300" not in capsys.readouterr().out
