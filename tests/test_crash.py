"""A run that is killed at any moment and gone on with ends with the bytes of one that was left alone."""

import shutil

import pytest
from interruption import SETTINGS, Kills, checkpoint, differences, files, finish, killed_runs, start

KILLS = 40


@pytest.mark.parametrize(("engine", "seed"), [("pytorch", 1), ("mxnet", 2)])
def test_killed_run_ends_with_the_same_bytes(tmp_path, engine, seed):
    settings = (*SETTINGS, "--engine", engine)
    whole = tmp_path / "whole"
    finish(start(whole, *settings))
    tensors, metadata = checkpoint(whole / "last.safetensors")
    assert metadata["run"]["step"] == 30
    assert {"epoch-0005.safetensors", "epoch-0006.safetensors"} < files(whole)
    assert any(name.startswith("optimizer/") for name in tensors)
    assert any(name.endswith("running_var") for name in tensors)

    kills = Kills()
    for killed in killed_runs(tmp_path, settings, KILLS, seed, kills):
        assert differences(whole, killed) == []
        shutil.rmtree(killed)  # a quarter of a gigabyte
    assert kills.count == KILLS
    assert kills.half_written > 0
