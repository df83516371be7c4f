"""Pages in headless Chromium, with the network cut."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

#: The browser, None where there is none.
NAME = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Without what a fresh profile would like to fetch
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=127.0.0.1:9",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=10000",
)
# Requests to any host are blocked and reported on the console, even if the page reports nothing
_HEAD = (
    '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
    "content=\"default-src data: blob: 'unsafe-inline' 'unsafe-eval'\">"
)


def opened(html: str) -> tuple[str, list[str]]:
    """What a part of a page becomes when its scripts have run, and the lines of its console."""
    ran = _run(html, "--dump-dom")
    return ran.stdout, re.findall(r":CONSOLE[(:]\d+\)?\]? (.*)", ran.stderr)


def picture(html: str, width: int, height: int) -> bytes:
    """A part of a page as Chromium draws it: a PNG."""
    with tempfile.TemporaryDirectory() as folder:
        png = Path(folder) / "page.png"
        _run(html, f"--window-size={width},{height}", f"--screenshot={png}")
        return png.read_bytes()


def _run(html: str, *options: str) -> subprocess.CompletedProcess[str]:
    if NAME is None:
        raise FileNotFoundError("there is no Chromium")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(f'{_HEAD}<body style="margin:0">{html}</body>', encoding="utf-8")
        command = [NAME, *_OPTIONS, *options, f"--user-data-dir={folder}/profile", page.as_uri()]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=True)
