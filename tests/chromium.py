"""Pages in headless Chromium, with the network cut."""

import re
import shutil
import subprocess

import pytest

NAME = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(NAME is None, reason="there is no Chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=127.0.0.1:9",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=10000",
    "--dump-dom",
]


def drawn(html, folder):
    """What a page becomes when its scripts have run, and what they wrote to the console."""
    page = folder / "page.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{html}</body>', encoding="utf-8")
    command = [NAME, *OPTIONS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, re.findall(r":CONSOLE[(:]\d+\)?\]? (.*)", ran.stderr)


def curves(dom):
    """The points of each line of a drawing of Plotly: [[(x, y), …], …]."""
    # the legend's samples are paths of other letters
    paths = re.findall(r'<path class="js-line"[^>]* d="M([-\d.,L]+)"', dom)
    return [[tuple(map(float, point.split(","))) for point in re.split("[LM]", path)] for path in paths]
