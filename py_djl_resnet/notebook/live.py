"""The figure of a training that grows while it runs, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._plotting.history import plot_history
from ..errors import UsageError
from ..progress import Snapshot, epoch_line
from .kernel import EXTRA


class LiveFigure:
    """Shows a run as its figure, drawn anew at each epoch's end, and a line that tells where it is.

    Give it to :func:`py_djl_resnet.train` as ``progress``, for one run.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed.
    """

    def __init__(self) -> None:
        try:
            from IPython.display import Pretty, display
        except ModuleNotFoundError as error:
            raise UsageError(f"LiveFigure needs {error.name}, which is not installed; run {EXTRA}") from error

        self._pretty = Pretty
        self._line = display(Pretty("starting"), display_id=True)
        self._figure: Any = None
        self._text = "starting"
        self._rows: list[Mapping[str, Any]] = []

    def show(self, snapshot: Snapshot) -> None:
        """Tells the epoch and how much of it is done."""
        in_epoch = snapshot["state"] in ("training", "validating") and snapshot["epoch"] > len(self._rows)
        if not in_epoch and snapshot["state"] != "testing":
            return
        loss = f", loss {snapshot['metrics']['loss']:.3f}" if snapshot["metrics"] else ""
        self._tell(
            f"epoch {snapshot['epoch']}/{snapshot['epochs']}, {snapshot['state']}: "
            f"{snapshot['done']}/{snapshot['total']} examples{loss}"
        )

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Draws the figure with one more epoch."""
        from IPython.display import display

        self._rows.append(row)
        self._tell(epoch_line(row, epochs))
        chart = plot_history({"": self._rows}, style="d2l")
        if self._figure is None:
            self._figure = display(chart, display_id=True)
        else:
            self._figure.update(chart)

    def close(self) -> None:
        """The last figure stays."""

    def _tell(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._line.update(self._pretty(text))
