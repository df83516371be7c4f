"""The figures of a complete run, and a page that shows them."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from ._files import write
from ._vae.images import Images
from .autoencoder import plot_samples, reconstructions_of
from .errors import UsageError, warn
from .metrics import AUTOENCODER_METRICS
from .predictions import Predictions
from .progress import metrics_line
from .recipe import Recipe
from .runs import Run, plot_page
from .settings import FOLDER, SETTINGS, Setting

#: The figures in the order of the page, with their captions.
_FIGURES = {
    "metrics.png": "Metrics by epoch.",
    "samples.png": "Images of random codes, drawn from the prior.",
    "reconstructions.png": "Images that were not trained on, and below each row the images of their posterior means.",
    "confusion.png": "Number of examples by true and predicted class; the colour is the share of the true class.",
    "mistakes.png": "Misclassified examples with the largest loss. Above each: its true class (green), and the "
    "predicted class with its probability (red).",
    "gradients.png": "2-norms of gradients, weights and updates.",
    "profile.png": "Time of a training step by part.",
}

#: The other files of a run, and their descriptions.
_FILES = {
    "figures/metrics.html": "interactive curves",
    **{name: name for name in ("recipe.json", "metrics.csv", "predictions.csv", "images.csv")},
}

#: The style sheet of every page.
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; } figcaption { color: #555; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; }
"""


def draw(run: Run, folder: Path) -> Path:
    """Draws all figures of a run to the ``figures/`` in its folder, and returns ``report.html``, which shows them."""
    run.plot(folder / "figures" / "metrics.png")
    plot_page([run], folder / "figures" / "metrics.html")
    return draw_results(run, folder)


def draw_results(run: Run, folder: Path) -> Path:
    """Draws all figures of a run except its curves, and returns ``report.html``, which shows all figures.

    Only the process that trained a run on arrays can draw its images.
    """
    figures = folder / "figures"
    if run.profile is not None:
        run.profile.plot(figures / "profile.png")
    if (gradients := run.gradients) is not None:
        gradients.plot(figures / "gradients.png")
    if run.is_autoencoder:
        _draw_images(run, figures)
    predictions = run.predictions
    if predictions is not None:
        predictions.plot_confusion(figures / "confusion.png")
        if run.has_images:
            try:
                run.plot_mistakes(figures / "mistakes.png")
            except UsageError as error:  # the data may have moved since
                warn(f"No figure of the mistakes: {error}")
    page = folder / "report.html"
    write(page, _page(run, predictions, figures).encode(), "Report")
    return page


def _draw_images(run: Run, figures: Path) -> None:
    """Draws samples of an autoencoder, and reconstructions of test or validation images."""
    model = run.final_model
    plot_samples(model, figures / "samples.png")
    if run.has_images:
        try:
            reconstructions_of(Images(model, *run.test_examples()), figures / "reconstructions.png")
        except UsageError as error:  # the data may have moved since
            warn(f"No figure of the reconstructions: {error}")


def _page(run: Run, predictions: Predictions | None, figures: Path) -> str:
    title = html.escape(f"{run.recipe.model} on {run.recipe.dataset}")
    parts = [f"<h1>{title}</h1>", *(f"<p>{html.escape(line)}</p>" for line in _summary(run))]
    for name, caption in _FIGURES.items():
        if (figures / name).is_file():
            parts.append(
                f'<figure><img src="figures/{name}" alt="{html.escape(caption)}"><figcaption>{html.escape(caption)}'
                "</figcaption></figure>"
            )
    if predictions is not None:
        if files := _mistakes(predictions):
            head = ("file", "true class", "predicted class", "probability")
            folder = html.escape(run.recipe.dataset.removeprefix(FOLDER))
            parts += ["<h2>Misclassified files</h2>", f"<p>In {folder}:</p>", _table([head, *files])]
        parts += ["<h2>Classes</h2>", _table([("class", "examples", "accuracy"), *_classes(predictions)])]
    defaults = Recipe()
    changed = [
        _option(setting, getattr(run.recipe, name))
        for name, setting in SETTINGS.items()
        if getattr(run.recipe, name) != getattr(defaults, name)
    ]
    parts += ["<h2>Settings</h2>", _table([("option", "value"), *changed]) if changed else "<p>All defaults.</p>"]
    links = [f'<a href="{name}">{text}</a>' for name, text in _FILES.items() if (figures.parent / name).is_file()]
    parts.append(f"<p>Files: {', '.join(links)}.</p>")
    body = "\n".join(parts)
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n'


def _summary(run: Run) -> list[str]:
    last = run.history[-1]
    lines = [f"Epoch {last['epoch']}: {metrics_line(last)}."]
    if run.best is not None:
        metric = run.selection["metric"]
        most = "highest" if run.selection["higher_is_better"] else "lowest"
        words = metric.replace("_", " ")
        lines.append(f"Best epoch: {run.best['epoch']}, with the {most} {words}, {run.best[metric]:.3f}.")
    if run.test is not None:
        names = ["accuracy"] if "accuracy" in run.test else [name for name in AUTOENCODER_METRICS if name in run.test]
        lines.append(f"Epoch {run.test['epoch']} on the test data: {metrics_line(run.test, names)}.")
    return lines


def _option(setting: Setting, value: Any) -> tuple[str, str]:
    """Returns a setting's option of the command line and its value."""
    if isinstance(value, bool):
        return (setting.flag if value else setting.flag.replace("--", "--no-", 1)), ""
    if isinstance(value, (list, tuple)):
        return setting.flag, ",".join(str(each) for each in value) or "none"
    return setting.flag, str(setting.unset if value is None else value)


def _mistakes(predictions: Predictions) -> list[tuple[str, ...]]:
    """Returns the rows of the misclassified files with the largest loss."""
    paths, names = predictions.paths, predictions.class_names
    if paths is None:
        return []
    return [
        (paths[i], names[predictions.labels[i]], names[predictions.predicted[i]], f"{predictions.probabilities[i]:.0%}")
        for i in predictions.mistakes()
    ]


def _classes(predictions: Predictions) -> list[tuple[str, ...]]:
    matrix = predictions.confusion_matrix
    rows = zip(predictions.class_names, matrix.sum(axis=1), matrix.diagonal(), strict=True)
    return [(name, str(count), f"{correct / count:.3f}" if count else "-") for name, count, correct in rows]


def _table(rows: list[tuple[str, ...]]) -> str:
    head, *others = [[html.escape(cell) for cell in row] for row in rows]
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in others]
    return "<table>" + "".join(lines) + "</table>"
