"""Bars, drawn from what a run tells."""

import io

from py_djl_resnet.progress import Bars


def test_bars_of_both_phases_end_with_the_figures_of_the_epoch():
    screen = io.StringIO()
    bars = Bars(screen)
    snapshot = {"epoch": 1, "epochs": 2, "done": 32, "total": 64, "loss": 2.5, "accuracy": 0.25}
    bars.show(snapshot | {"state": "starting"})
    assert screen.getvalue() == ""
    bars.show(snapshot | {"state": "training"})
    bars.show(snapshot | {"state": "validating", "total": 20, "done": 10, "loss": None, "accuracy": None})
    bars.epoch_ended({"epoch": 1, "test_loss": 1.25, "test_accuracy": 0.5}, 2)
    bars.close()
    training, validating = (text.rpartition("\r")[2] for text in screen.getvalue().split("\n")[:2])
    assert training.startswith("Training   1/2: 100%")
    assert "64/64" in training
    assert "loss=2.500, acc=0.2" in training
    assert validating.startswith("Validating 1/2: 100%")
    assert "20/20" in validating
    assert "loss=1.250, acc=0.5" in validating
