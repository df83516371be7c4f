"""Equal recipes give equal bytes. The number of threads changes only rounding, not initial weights or order."""

import numpy as np
import pytest
from interruption import checkpoint, differences, finish, start

SETTINGS = ("--epochs", "1", "--limit", "96", "--batch-size", "32", "--checkpoint-every", "2")


def tensors(folder):
    return {
        name: np.frombuffer(content, "<f4") for name, (_, content) in checkpoint(folder / "last.safetensors")[0].items()
    }


# With one thread test_crash.py compares the bytes of runs
@pytest.mark.parametrize("engine", ["pytorch", "mxnet"])
def test_equal_recipes_give_equal_bytes(tmp_path, engine):
    settings = (*SETTINGS, "--engine", engine, "--threads", "2", "--lr", "0.01", "--momentum", "0.9")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        finish(start(folder, *settings))
    assert differences(first, second) == []


@pytest.mark.parametrize("engine", ["pytorch", "mxnet"])
def test_initial_weights_and_order_do_not_depend_on_threads(tmp_path, engine):
    # with a learning rate of 0 the weights stay at their initial values, and the running statistics,
    # in which later batches weigh more, depend on the order
    runs = {}
    for threads in ("1", "2"):
        finish(start(tmp_path / threads, *SETTINGS, "--lr", "0", "--engine", engine, "--threads", threads))
        runs[threads] = tensors(tmp_path / threads)
    for name, values in runs["1"].items():
        if "running" in name:
            np.testing.assert_allclose(runs["2"][name], values, rtol=1e-3, atol=1e-4)
        else:
            assert values.tobytes() == runs["2"][name].tobytes()
