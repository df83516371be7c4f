"""A run that is killed at any moment and resumed ends with the same bytes as an uninterrupted one."""

import shutil

import pytest
from image_folders import make
from interruption import SETTINGS, Kills, checkpoint, differences, files, finish, killed_runs, start

pytestmark = pytest.mark.slow


# Checkpoints do not depend on the engine, so that MXNet needs fewer kills
@pytest.mark.parametrize(("engine", "kills", "epochs"), [("pytorch", 12, 6), ("mxnet", 2, 3)])
def test_killed_run_ends_with_the_same_bytes(tmp_path, engine, kills, epochs):
    settings = (*SETTINGS, "--engine", engine, "--epochs", str(epochs))
    whole = tmp_path / "whole"
    finish(start(whole, *settings))
    tensors, metadata = checkpoint(whole / "last.safetensors")
    assert metadata["run"]["step"] == 5 * epochs
    assert {f"epoch-{epoch:04}.safetensors" for epoch in (epochs - 1, epochs)} < files(whole)
    assert any(name.startswith("optimizer/") for name in tensors)
    assert any(name.endswith("running_var") for name in tensors)

    report = Kills()
    for killed in killed_runs(tmp_path, settings, kills, 1, report):
        assert differences(whole, killed) == []
        shutil.rmtree(killed)  # a quarter of a gigabyte
    assert report.count == kills
    if engine == "pytorch":  # two kills may both miss
        assert report.half_written > 0


def test_killed_run_of_a_folder_of_images_ends_with_the_same_bytes(tmp_path):
    data = make(tmp_path / "data", count=16)
    settings = (*SETTINGS, "--epochs", "3", "--dataset", f"folder:{data}", "--batch-size", "4", "--freeze", "stem")
    settings += ("--augment", "crop:2,flip,erase:0.5", "--ema-decay", "0.9")
    whole = tmp_path / "whole"
    finish(start(whole, *settings))
    _, metadata = checkpoint(whole / "last.safetensors")
    assert metadata["run"]["step"] == 8 * 3
    (killed,) = killed_runs(tmp_path, settings, 1, 2, report := Kills())
    assert report.count == 1
    assert differences(whole, killed) == []
