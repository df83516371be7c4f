"""Drives a Jupyter kernel as a notebook does."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass
class Ran:
    """The result of a cell: message id, status of the reply, output in order, results and error."""

    message: str = ""
    status: str = ""
    printed: list[tuple[str, str]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    error: str | None = None

    def text(self, stream: str = "stdout") -> str:
        """Returns everything printed to one stream."""
        return "".join(text for name, text in self.printed if name == stream)


class Kernel:
    """A kernel, started by its kernelspec's name and shut down by the ``with`` statement."""

    def __init__(self, name: str) -> None:
        from jupyter_client.manager import KernelManager

        self.manager: Any = KernelManager(kernel_name=name)
        self.manager.start_kernel()
        self.client: Any = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def run(self, code: str, interrupt_at: str | None = None, times: int = 1, seconds: float = 120) -> Ran:
        """Runs a cell until its reply and its idle message.

        Args:
            code: the cell.
            interrupt_at: interrupts the cell once it has printed this.
            times: how often to interrupt, a second apart.
            seconds: the longest wait.
        """
        message = self.client.execute(code)
        ran = Ran(message)
        deadline = time.monotonic() + seconds
        idle, next_interrupt = False, None
        while not (idle and ran.status):
            assert time.monotonic() < deadline, f"{code!r} did not end: {ran}"
            idle = self._take(ran) or idle
            if not ran.status:
                ran.status = self._reply(message)
            if interrupt_at is not None and interrupt_at in ran.text():
                interrupt_at, next_interrupt = None, time.monotonic()
            if next_interrupt is not None and times and time.monotonic() >= next_interrupt:
                self.manager.interrupt_kernel()
                times, next_interrupt = times - 1, next_interrupt + 1
        return ran

    def _reply(self, message: str) -> str:
        try:
            reply = self.client.get_shell_msg(timeout=0.01)
        except queue.Empty:
            return ""
        return str(reply["content"]["status"]) if reply["parent_header"].get("msg_id") == message else ""

    def _take(self, ran: Ran) -> bool:
        """Takes the cell's pending messages and returns whether it is idle now."""
        idle = False
        while True:
            try:
                got = self.client.get_iopub_msg(timeout=0.02)
            except queue.Empty:
                return idle
            if got["parent_header"].get("msg_id") != ran.message:
                continue
            content = got["content"]
            if got["msg_type"] == "stream":
                ran.printed.append((content["name"], content["text"]))
            elif got["msg_type"] in ("execute_result", "display_data"):
                ran.results.append(content["data"].get("text/plain", ""))
            elif got["msg_type"] == "error":
                ran.error = f"{content['ename']}: {content['evalue']}"
            elif got["msg_type"] == "status" and content["execution_state"] == "idle":
                return True
