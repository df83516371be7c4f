"""Executes notebooks, saves them with their outputs, and renders them to docs/notebooks/.

Needs the extra [notebook], the registered Java kernel, and Chromium for the Plotly figures:

    MAX_EPOCH=2 DATASET_LIMIT=6000 python tools/run_notebooks.py
    python tools/run_notebooks.py --render-only
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chromium
import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from PIL import Image, PngImagePlugin

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/notebooks"
#: The size of a Plotly figure in pixels.
FIGURE = (920, 740)
SETTINGS = {"MAX_EPOCH": 10, "DATASET_LIMIT": 0}


def execute(path: Path, into: Path) -> None:
    """Runs a notebook and writes it with its outputs, its settings and a digest of its code."""
    notebook = nbformat.read(path, 4)
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    settings = {name: int(os.environ.get(name, default)) for name, default in SETTINGS.items()}
    notebook.metadata["py_djl_resnet"] = {"settings": settings, "code": code_digest(notebook)}
    text = " ".join(f"{name}={value}" for name, value in settings.items())
    notebook.cells[0].source = re.sub(r"MAX_EPOCH=\d+ DATASET_LIMIT=\d+", text, notebook.cells[0].source)
    into.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, into)


def digest(text: str) -> str:
    """Returns a short SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_digest(notebook: Any) -> str:
    """Returns the digest of a notebook's code cells, which shows when its saved outputs are outdated."""
    return digest("\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))


def plotly(html: str) -> bytes:
    """Draws a Plotly figure in Chromium and returns a PNG with the digest of its HTML as the text `figure`."""
    source = PngImagePlugin.PngInfo()
    source.add_text("figure", digest(html))
    png = io.BytesIO()
    with Image.open(io.BytesIO(chromium.picture(html, *FIGURE))) as image:
        image.save(png, "PNG", optimize=True, pnginfo=source)
    return png.getvalue()


def render(path: Path, pages: Path, draw: Callable[[str], bytes] = plotly) -> None:
    """Writes a notebook as a Markdown page, with its images next to it.

    Args:
        path: the notebook with its outputs.
        pages: the folder for the page.
        draw: makes a PNG of a figure in HTML.
    """
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "Plotly.newPlot" in data.get("text/html", ""):
                data["image/png"] = base64.b64encode(draw(data.pop("text/html"))).decode()
            data.pop("image/jpeg", None)
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": path.stem, "output_files_dir": path.stem}
    )
    shutil.rmtree(pages / path.stem, ignore_errors=True)
    for name, content in resources["outputs"].items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_bytes(content)
    # an image's name has the index of its cell, whose metadata has the alternative text
    body = re.sub(
        r"!\[\w*\]\(([^()]+_(\d+)_\d+\.(?:png|svg))\)",
        lambda found: f"![{notebook.cells[int(found[2])].metadata['alt']}]({found[1]})",
        body,
    )
    # pages link to pages
    body = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", body)
    body = body.replace("](../docs/", "](../")
    lines = "\n".join(line.rstrip() for line in body.splitlines())
    origin = f"<!-- made by tools/run_notebooks.py from notebooks/{path.name} -->\n\n"
    link = f"*The notebook: [{path.name}](../../notebooks/{path.name})*\n\n"
    (pages / f"{path.stem}.md").write_text(origin + link + lines.strip() + "\n", encoding="utf-8")


def main() -> None:
    """Executes and renders the given notebooks, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted((ROOT / "notebooks").glob("*.ipynb")))
    parser.add_argument("--render-only", action="store_true", help="render the saved outputs without executing")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write the executed notebooks there, without pages")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    for path in options.notebooks:
        if not options.render_only:
            execute(path, options.out / path.name if options.out else path)
        if not options.out:
            render(path, PAGES)
        print(path)


if __name__ == "__main__":
    main()
