"""Executes notebooks, saves them with their outputs, and renders them to docs/notebooks/.

Needs the extra [notebook], the registered Java kernel, and for the figures of Plotly Chromium:

    MAX_EPOCH=2 DATASET_LIMIT=6000 python tools/run_notebooks.py
    python tools/run_notebooks.py --render-only
"""

import argparse
import base64
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs/notebooks"
#: Without a network, and without what a fresh profile would like to fetch.
CHROMIUM = [
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
]


def execute(path: Path) -> None:
    """Run a notebook where it lies and save it with its outputs."""
    notebook = nbformat.read(path, 4)
    client = NotebookClient(
        notebook,
        timeout=None,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    nbformat.write(notebook, path)


def picture(html: str, folder: Path) -> str:
    """A figure that draws itself, as Chromium draws it: a PNG in base 64."""
    page, png = folder / "figure.html", folder / "figure.png"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">{html}</body>', encoding="utf-8")
    command = [shutil.which("chromium") or "chromium", *CHROMIUM, f"--user-data-dir={folder / 'profile'}"]
    subprocess.run(
        [*command, "--window-size=920,580", "--virtual-time-budget=5000", f"--screenshot={png}", str(page)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return base64.b64encode(png.read_bytes()).decode()


def render(path: Path) -> None:
    """Write a notebook as a Markdown page with its pictures beside it."""
    notebook = nbformat.read(path, 4)
    with tempfile.TemporaryDirectory() as folder:
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if "Plotly.newPlot" in data.get("text/html", ""):
                    data["image/png"] = picture(data.pop("text/html"), Path(folder))
                data.pop("image/jpeg", None)
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": path.stem, "output_files_dir": path.stem}
    )
    shutil.rmtree(PAGES / path.stem, ignore_errors=True)
    for name, content in resources["outputs"].items():
        (PAGES / name).parent.mkdir(parents=True, exist_ok=True)
        (PAGES / name).write_bytes(content)
    lines = "\n".join(line.rstrip() for line in body.splitlines())
    origin = f"<!-- made by tools/run_notebooks.py from notebooks/{path.name} -->\n\n"
    (PAGES / f"{path.stem}.md").write_text(origin + lines.strip() + "\n", encoding="utf-8")


def main() -> None:
    """Execute and render the given notebooks, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, default=sorted((ROOT / "notebooks").glob("*.ipynb")))
    parser.add_argument("--render-only", action="store_true", help="take the saved outputs")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for path in options.notebooks:
        if not options.render_only:
            execute(path)
        render(path)
        print(path)


if __name__ == "__main__":
    main()
