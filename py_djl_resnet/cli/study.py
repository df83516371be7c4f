"""The command ``study``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from ..study import StudyRuns, available, report, run_study, write_gradients
from .options import actions, count, names, print_json, whole, wholes
from .output import print_table, shown_path
from .output import report as report_line

HELP = """Train the networks of a study, and report the results.

A study trains several networks with several seeds. Its report has tables, figures and a page. A killed study resumes
with the same command."""
USAGE = "%(prog)s run|report|list|gradients [OPTION ...]"
EXAMPLES = (
    "study list",
    "study run cifar10-residual --data-dir data --epochs 30 --seeds 0,1",
    "study report studies/cifar10-residual",
    "study gradients runs/mine --names stem,layer1.0.conv1.weight",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommands with their options."""
    add = actions(parser)
    run_parser = add("run", "train the runs of a study that are missing, and write its report", action_run=_run)
    run_parser.add_argument("study", metavar="NAME|FILE.json", help="a study of the package, or a file of your own")
    run_parser.add_argument("--out", metavar="DIR", help="the study's folder (default: studies/NAME)")
    run_parser.add_argument("--data-dir", metavar="DIR", help="folder of the data set's files (default: the study's)")
    run_parser.add_argument("--epochs", type=whole, metavar="N", help="epochs of every run (default: the study's)")
    run_parser.add_argument(
        "--limit", type=whole, metavar="N", help="use at most N training and N test examples (default: the study's)"
    )
    run_parser.add_argument("--seeds", type=wholes, metavar="S,…", help="train each network with each seed")
    run_parser.add_argument(
        "--jobs", type=count, default=1, metavar="N", help="train N runs at once, which share the cores (default: 1)"
    )

    report_parser = add("report", "write the report of a study, which may be incomplete", action_run=_report)
    report_parser.add_argument("folder", metavar="DIR", help="the study's folder")
    report_parser.add_argument(
        "--data-dir", metavar="DIR", help="folder of the data set's files (default: the study's)"
    )
    report_parser.add_argument(
        "--landscapes", action="store_true", help="first measure the loss surfaces that are missing (minutes to hours)"
    )
    for added in (run_parser, report_parser):
        added.add_argument("--offline", action="store_true", help="never download jars")
        added.add_argument("--quiet", action="store_true", help="print only the results")

    list_parser = add("list", "list the studies of the package", action_run=_list)
    list_parser.add_argument("--json", action="store_true", help="print JSON only")

    gradients = add("gradients", "tabulate and draw the norms of gradients by step and by depth", action_run=_gradients)
    gradients.add_argument("runs", nargs="+", metavar="RUN", help="run folder with gradients.csv")
    gradients.add_argument(
        "--names",
        type=names,
        default=["global", "stem", "published"],
        metavar="NAME,…",
        help="curves over the steps: global, stem, published (the study's leaf), or parameters "
        "(default: global,stem,published)",
    )
    gradients.add_argument(
        "--steps",
        type=names,
        default=["1", "10", "100", "last"],
        metavar="N,…",
        help="steps at which to show every layer; the nearest recorded one is used (default: 1,10,100,last)",
    )
    gradients.add_argument("--out", default="gradients", metavar="DIR", help="folder to write (default: gradients)")


def run(options: Any) -> int:
    """Runs the chosen action."""
    code: int = options.action_run(options)
    return code


def _run(options: Any) -> int:
    announce = _announcing(options)
    runs = run_study(
        options.study,
        options.out,
        data_dir=options.data_dir,
        epochs=options.epochs,
        limit=options.limit,
        seeds=options.seeds,
        jobs=options.jobs,
        progress=not options.quiet,
        announce=announce,
    )
    page = report(runs.folder, announce=announce)
    if runs.by_run:
        _print_results(runs)
    print(f"report: {shown_path(page)}")
    return 0


def _print_results(runs: StudyRuns) -> None:
    """Prints the accuracy of each network after its last epoch, or an autoencoder's loss at its best epoch."""
    autoencoders = any(run is not None and run.is_autoencoder for run in runs.by_run.values())
    metric = "validation_loss" if autoencoders else "test_accuracy"
    rows = [("network", "seed", "epochs", ("lowest " if autoencoders else "") + metric.replace("_", " "))]
    for (network, seed), run in runs.by_run.items():
        if run is not None:
            row = run.best if autoencoders else run.history[-1]
            value = None if row is None else row.get(metric)
            rows.append((network, str(seed), str(len(run.history)), "-" if value is None else f"{value:.4f}"))
    print_table(rows, right=(1, 2, 3))


def _report(options: Any) -> int:
    announce = _announcing(options)
    page = report(
        options.folder,
        data_dir=options.data_dir,
        landscapes=options.landscapes,
        progress=not options.quiet,
        announce=announce,
    )
    print(f"report: {shown_path(page)}")
    return 0


def _announcing(options: Any) -> Callable[[str], None]:
    """Follows ``--offline`` and ``--quiet``; returns what prints a line of progress."""
    if options.offline:
        os.environ["PY_DJL_RESNET_OFFLINE"] = "1"
    return (lambda line: None) if options.quiet else report_line


def _list(options: Any) -> int:
    studies = available()
    if options.json:
        print_json(studies)
        return 0
    rows = [("name", "runs", "networks", "title")]
    for study in studies:
        epochs = " or ".join(map(str, sorted(set(study["epochs"].values()))))
        trained = sum(number > 0 for number in study["epochs"].values())
        runs = f"{trained * len(study['seeds'])} of {epochs} epochs" if trained else "none"
        rows.append((study["name"], runs, ", ".join(study["networks"]), study["title"]))
    print_table(rows)
    return 0


def _gradients(options: Any) -> int:
    page = write_gradients(options.runs, options.out, options.names, options.steps)
    print(f"report: {shown_path(page)}")
    return 0
