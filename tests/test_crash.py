"""A run that is killed at any moment and gone on with ends with the bytes of one that was left alone."""

import shutil

import pytest
from interruption import SETTINGS, Kills, checkpoint, differences, finish, killed_runs, start

KILLS = 20


@pytest.mark.parametrize(("engine", "seed"), [("pytorch", 1), ("mxnet", 2)])
def test_killed_run_ends_with_the_same_bytes(tmp_path, engine, seed):
    settings = (*SETTINGS, "--engine", engine)
    whole = tmp_path / "whole"
    finish(start(whole, *settings))
    tensors, run = checkpoint(whole / "last.safetensors")
    assert run["step"] == 30
    assert any(name.startswith("optimizer/") for name in tensors)
    assert any(name.endswith("running_var") for name in tensors)

    kills = Kills()
    for killed in killed_runs(tmp_path, settings, KILLS, seed, kills):
        assert differences(whole, killed) == []
        shutil.rmtree(killed)  # a quarter of a gigabyte
    assert kills.count == KILLS
    # of these some fell inside the writing of a checkpoint
    assert kills.halves["last"] + kills.halves["best"] > 0
