"""Bars, drawn from what a run tells."""

import io

from py_djl_resnet.progress import Bars

FIRST_HALF = {
    "epoch": 1,
    "epochs": 2,
    "done": 32,
    "total": 64,
    "metrics": {"loss": 2.5, "accuracy": 0.25},
    "ended": None,
}
TRAINED = {"state": "training", "epoch": 1, "done": 64, "total": 64, "metrics": {"loss": 1.75, "accuracy": 0.375}}
ROW = {"epoch": 1, "train_loss": 1.75, "train_accuracy": 0.375, "test_loss": 1.25, "test_accuracy": 0.5}


def last_drawn(screen):
    return [text.rpartition("\r")[2] for text in screen.getvalue().split("\n")[:-1]]


def test_bars_of_both_phases_end_with_the_figures_of_the_epoch():
    screen = io.StringIO()
    bars = Bars(screen)
    bars.show(FIRST_HALF | {"state": "starting"})
    assert screen.getvalue() == ""
    bars.show(FIRST_HALF | {"state": "training"})
    bars.show(FIRST_HALF | {"state": "validating", "total": 20, "done": 10, "metrics": {}, "ended": TRAINED})
    bars.epoch_ended(ROW, 2)
    bars.close()
    training, validating = last_drawn(screen)
    assert training.startswith("Training   1/2: 100%")
    assert "64/64" in training
    assert "loss=1.750, acc=0.3" in training
    assert validating.startswith("Validating 1/2: 100%")
    assert "20/20" in validating
    assert "loss=1.250, acc=0.5" in validating


def test_bar_of_an_epoch_whose_validation_was_not_seen_ends_with_its_training():
    screen = io.StringIO()
    bars = Bars(screen)
    bars.show(FIRST_HALF | {"state": "training"})
    bars.epoch_ended(ROW, 2)
    bars.show(FIRST_HALF | {"state": "training"})
    bars.close()
    (training,) = last_drawn(screen)
    assert training.startswith("Training   1/2: 100%")
    assert "loss=1.750, acc=0.3" in training
