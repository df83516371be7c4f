"""A figure that grows during training, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from ..progress import Snapshot, epoch_line
from .kernel import EXTRA


class LiveFigure:
    """Shows the metrics as a figure, redrawn after each epoch, and a line with the current progress.

    Pass a new one to :func:`py_djl_resnet.train` for each run: ``train(progress=LiveFigure())``.

    Raises:
        UsageError: the extra ``[notebook]`` is not installed.
    """

    def __init__(self) -> None:
        try:
            from IPython.display import Pretty, display
        except ModuleNotFoundError as error:
            raise UsageError(f"LiveFigure needs {error.name}, which is not installed. Run: {EXTRA}") from error

        self._pretty = Pretty
        self._text = "starting"
        self._line = display(Pretty(self._text), display_id=True)
        self._figure: Any = None
        self._rows: list[Mapping[str, Any]] = []

    def show(self, snapshot: Snapshot) -> None:
        """Shows the current epoch and its progress."""
        in_epoch = snapshot["state"] in ("training", "validating") and snapshot["epoch"] > len(self._rows)
        if not in_epoch and snapshot["state"] != "testing":
            return
        loss = f", loss {snapshot['metrics']['loss']:.3f}" if snapshot["metrics"] else ""
        self._update_line(
            f"epoch {snapshot['epoch']}/{snapshot['epochs']}, {snapshot['state']}: "
            f"{snapshot['done']}/{snapshot['total']} examples{loss}"
        )

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """Redraws the figure with one more epoch."""
        from IPython.display import display

        from .._plotting.history import plot_history  # Matplotlib, which %%java and the doctor do not need

        self._rows.append(row)
        self._update_line(epoch_line(row, epochs))
        chart = plot_history({"": self._rows}, style="d2l")
        if self._figure is None:
            self._figure = display(chart, display_id=True)
        else:
            self._figure.update(chart)

    def close(self) -> None:
        """Keeps the last figure."""

    def _update_line(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._line.update(self._pretty(text))
