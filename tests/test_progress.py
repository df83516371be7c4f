"""The progress bar and the lines of a run, from the snapshots that a run gives."""

import io
import re

import pytest

from py_djl_resnet import UsageError
from py_djl_resnet.notebook.live import LiveFigure
from py_djl_resnet.progress import Bar, Lines, display, shown_by

TRAINING = {
    "state": "training",
    "epoch": 3,
    "epochs": 10,
    "done": 62,
    "total": 100,
    "metrics": {"loss": 0.4123, "accuracy": 0.8531},
}
ROW = {
    "epoch": 3,
    "seconds": 10.0,
    "validation_seconds": 2.5,
    "train_loss": 1.75,
    "train_accuracy": 0.375,
    "test_loss": 1.25,
    "test_accuracy": 0.5,
}
EPOCH = "epoch 3/10: train loss 1.750, train acc 0.375, test loss 1.250, test acc 0.500"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of a number of columns."""
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def make(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        return Terminal()

    return make


@pytest.fixture
def clock(monkeypatch):
    """The time that the bar sees, in seconds."""
    now = [0.0]
    monkeypatch.setattr("py_djl_resnet.progress.time.monotonic", lambda: now[0])
    return now


def screen(stream):
    """What a terminal shows after all that was written, without colours."""
    lines = [""]
    for character in re.sub(r"\x1b\[\d+m", "", stream.getvalue()):
        if character == "\n":
            lines.append("")
            column = 0
        elif character == "\r":
            column = 0
        else:
            if len(lines) == 1 and not lines[0]:
                column = 0
            lines[-1] = lines[-1][:column] + character + lines[-1][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


def drawn(stream, clock):
    """The bar at 62 examples of 100, 20 seconds after the first."""
    bar = Bar(stream)
    bar.show(TRAINING | {"done": 0, "metrics": {}})
    clock[0] = 20.0
    bar.show(TRAINING)
    return screen(stream)[-1]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (5, "Trai"),
        (16, "Train 3/10  62%"),
        (24, "Train 3/10  62%  0:12"),
        (58, "Train 3/10  62%  0:12  loss 0.41  acc 0.853"),
        (80, f"Train 3/10  62%  {'━' * 19}{'─' * 11}  0:12  loss 0.41  acc 0.853"),
        (200, f"Train 3/10  62%  {'━' * 19}{'─' * 11}  0:12  loss 0.41  acc 0.853"),
    ],
)
def test_narrow_terminal_drops_the_least_important_parts(terminal, clock, columns, line):
    assert drawn(terminal(columns), clock) == line


def test_bar_of_an_autoencoder_shows_elbo_and_its_parts(terminal, clock):
    stream = terminal(58)
    metrics = {"loss": 435.4, "elbo": -435.4, "reconstruction": 415.3, "kl": 20.1, "mse": 0.05}
    Bar(stream).show(TRAINING | {"metrics": metrics})
    assert screen(stream)[-1] == "Train 3/10  62%  -:--  elbo -435.4  rec 415.3  kl 20.100"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_bar_is_coloured_if_the_terminal_supports_it(terminal, clock, monkeypatch, environment, coloured):
    stream = terminal(80)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    drawn(stream, clock)
    assert ("\x1b[" in stream.getvalue()) == coloured


def test_terminal_without_unicode_gets_a_bar_of_ascii(terminal, clock):
    stream = terminal(80)
    stream.encoding = "ascii"
    assert f"{'#' * 19}{'.' * 11}" in drawn(stream, clock)


def test_epoch_line_replaces_the_bar(terminal, clock):
    stream = terminal(80)
    bar = Bar(stream)
    bar.show(TRAINING)
    bar.show(TRAINING | {"state": "validating", "done": 5})
    assert screen(stream)[-1].startswith("Eval 3/10  5%")
    bar.epoch_ended(ROW, 10)
    bar.show(TRAINING)  # a snapshot of the epoch that has ended
    bar.close()
    assert screen(stream) == [EPOCH, ""]


def test_epoch_line_wraps_between_words(terminal):
    stream = terminal(40)
    Bar(stream).epoch_ended(ROW, 10)
    lines = screen(stream)
    assert lines[:-1] == ["epoch 3/10: train loss 1.750, train acc", "  0.375, test loss 1.250, test acc 0.500"]


def test_epoch_line_may_go_to_another_stream(terminal, clock):
    stream, epochs = terminal(80), io.StringIO()
    bar = display(stream, epochs_to=epochs)
    bar.show(TRAINING)
    bar.epoch_ended(ROW, 10)
    assert screen(stream) == [""]
    assert epochs.getvalue() == EPOCH + "\n"


def test_stopped_run_keeps_its_bar_and_complete_run_removes_it(terminal, clock):
    for state, lines in (("stopped", 2), ("done", 1)):
        stream = terminal(80)
        bar = Bar(stream)
        bar.show(TRAINING | {"state": "testing"})
        bar.show(TRAINING | {"state": state})
        bar.close()
        assert len(screen(stream)) == lines
        assert screen(stream)[-1] == ""


def test_without_a_terminal_an_epoch_is_one_line(monkeypatch):
    stream = io.StringIO()
    lines = display(stream)
    assert isinstance(lines, Lines)
    lines.show(TRAINING)
    lines.epoch_ended(ROW, 10)
    lines.close()
    assert stream.getvalue() == f"{EPOCH}, 12.5 s, 1:28 left\n"


@pytest.mark.parametrize("progress", [LiveFigure, object(), None, "yes"])
def test_progress_that_cannot_show_a_run_is_rejected(progress):
    with pytest.raises(UsageError, match=r"Received: .*\. Allowed: True, False, or an object with show, "):
        shown_by(progress)
