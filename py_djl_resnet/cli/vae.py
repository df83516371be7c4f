"""The command ``vae``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import autoencoder
from .._files import write
from .._plotting.chart import check_suffix
from .._vae.coding import BATCH, autoencoder_of
from ..checks import checked_path
from ..errors import UsageError
from ..models import Model, checkpoint_file, load
from .options import actions, add_dataset, add_engine, add_raw, count, print_result, start, whole, wholes

HELP = """Evaluate variational autoencoders, and draw what they learned.

Each action has its own --help. Only interpolate takes A and B. The figure of an action is written to the run's
figures/vae-ACTION.png unless --out is given."""
USAGE = "%(prog)s ACTION [OPTION ...] RUN [A B]"
EXAMPLES = (
    "vae evaluate runs/mine --samples 1,10,100",
    "vae sample runs/mine --n 100 --out samples.png",
    "vae interpolate runs/mine 3 shoe.png",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the actions with their options."""
    add_action = actions(parser)

    def add(name: str, text: str, draw: Callable[[Model, Path, Any], None] | None) -> argparse.ArgumentParser:
        added = add_action(name, text, draw=draw)
        added.add_argument("checkpoint", metavar="RUN", help="a run folder (its best checkpoint), or a checkpoint file")
        return added

    evaluate = add("evaluate", "print ELBO, reconstruction, KL divergence and bounds on the likelihood", None)
    evaluate.add_argument(
        "--samples",
        type=wholes,
        default=[1, 10, 100],
        metavar="K,…",
        help="samples of the importance-weighted bound, each from 1 to 1000 (default: 1,10,100)",
    )
    evaluate.add_argument("--out", metavar="FILE", help="new .json file for the result")
    evaluate.add_argument("--json", action="store_true", help="print JSON only")
    evaluate.add_argument(
        "--batch-size", type=count, default=BATCH, metavar="N", help=f"decoded codes per batch (default: {BATCH})"
    )
    _add_seed(evaluate, "of the samples")
    _add_data(evaluate, None)

    sample = add("sample", "draw images of random codes", _sample)
    _add_n(sample, 64, "images")
    _add_seed(sample, "of the codes")
    sample.add_argument("--label", metavar="CLASS", help="for a conditional network: name or number of a class")

    reconstruct = add("reconstruct", "draw test images and their reconstructions", _reconstruct)
    _add_n(reconstruct, 16, "images")
    _add_seed(reconstruct, "that selects the images")
    _add_data(reconstruct, None)

    interpolate = add("interpolate", "draw images on the line between the codes of two images", _interpolate)
    for name in ("a", "b"):
        interpolate.add_argument(name, metavar=name.upper(), help="index of a test image, or an image file")
    _add_n(interpolate, 9, "images on the line, with both ends")
    _add_data(interpolate, None)

    traverse = add("traverse", "draw images along each latent dimension, the most active first", _traverse)
    traverse.add_argument(
        "--n", type=count, metavar="N", help="number of dimensions (default: 10, or all if there are fewer)"
    )
    traverse.add_argument(
        "--image",
        type=whole,
        default=0,
        metavar="I",
        help="index of the test image whose code the other dimensions keep (default: 0)",
    )
    _add_data(traverse, 1000)

    latent = add("latent", "draw the codes of test images along their two principal components", _latent)
    _add_data(latent, 2000)

    for one in (sample, reconstruct, interpolate, traverse, latent):
        one.add_argument("--out", metavar="FILE", help=".png, .svg or .pdf file (default: in the run's figures/)")
    for one in (evaluate, sample, reconstruct, interpolate, traverse, latent):
        add_raw(one)
        add_engine(one)


def _add_n(parser: argparse.ArgumentParser, default: int, what: str) -> None:
    parser.add_argument("--n", type=count, default=default, metavar="N", help=f"number of {what} (default: {default})")


def _add_seed(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help=f"seed {what} (default: 0)")


def _add_data(parser: argparse.ArgumentParser, limit: int | None) -> None:
    data = parser.add_argument_group("data")
    add_dataset(data)
    data.add_argument(
        "--limit",
        type=count,
        default=limit,
        metavar="N",
        help=f"use at most N test images (default: {'all' if limit is None else limit})",
    )


def run(options: Any) -> int:
    """Prints the evaluation, or draws the figure and prints its path."""
    checkpoint = checkpoint_file(options.checkpoint)
    target = _figure(checkpoint, options) if options.draw else None
    result = None if options.draw else _json_file(options.out)
    start(options)
    with load(checkpoint, options.device, options.engine, raw=options.raw) as network:
        if target is None:
            _evaluate(network, result, options)
        else:
            options.draw(network, target, options)
            print(f"figure: {target}", file=sys.stderr)
    return 0


def _json_file(out: str | None) -> Path | None:
    if out is None:
        return None
    file = Path(checked_path(out, "--out"))
    if file.suffix != ".json":
        raise UsageError(f"--out must be a .json file. Received: {out}.")
    if file.exists():
        raise UsageError(f"{file} already exists. Give another name, or delete the file first.")
    return file


def _figure(checkpoint: Path, options: Any) -> Path:
    """Returns the figure's file: by default in the run folder, for its own data set."""
    if options.out is not None:
        check_suffix(options.out)
        return Path(options.out)
    if getattr(options, "dataset", None) is not None:
        raise UsageError("--dataset needs --out FILE, because the run's figures are of its own data set.")
    if not (checkpoint.parent / "recipe.json").is_file():
        raise UsageError(f"{checkpoint} is not in a run folder. Give --out FILE.")
    # the report's own samples and reconstructions have other names
    return checkpoint.parent / "figures" / f"vae-{options.action}.png"


def _evaluate(network: Model, target: Path | None, options: Any) -> None:
    result = autoencoder.evaluate_autoencoder(
        network,
        options.dataset,
        samples=options.samples,
        seed=options.seed,
        data_dir=options.data_dir,
        limit=options.limit,
        batch_size=options.batch_size,
        progress=True,
    )
    print_result(result, options.json)
    if target is not None:
        write(target, (json.dumps(result.to_dict(), indent=2) + "\n").encode(), "Result")
        print(f"result: {target}", file=sys.stderr)


def _sample(network: Model, path: Path, options: Any) -> None:
    labels = options.label
    if labels is not None and not autoencoder_of(network.info)["conditional"]:
        raise UsageError(f"--label needs a conditional network. Received: {network.name}. Omit --label.")
    # a class may be named by a number
    if labels is not None and labels.isdecimal() and labels not in network.info["class_names"]:
        labels = int(labels)
    autoencoder.plot_samples(network, path, n=options.n, seed=options.seed, labels=labels)


def _reconstruct(network: Model, path: Path, options: Any) -> None:
    autoencoder.plot_reconstructions(
        network, options.dataset, path, n=options.n, seed=options.seed, **_data_of(options)
    )


def _interpolate(network: Model, path: Path, options: Any) -> None:
    a, b = (int(which) if re.fullmatch(r"-?\d+", which) else which for which in (options.a, options.b))
    autoencoder.plot_interpolation(network, a, b, options.dataset, path, n=options.n, **_data_of(options))


def _traverse(network: Model, path: Path, options: Any) -> None:
    autoencoder.plot_traversal(network, options.dataset, path, n=options.n, image=options.image, **_data_of(options))


def _latent(network: Model, path: Path, options: Any) -> None:
    autoencoder.plot_latent(network, options.dataset, path, **_data_of(options))


def _data_of(options: Any) -> dict[str, Any]:
    return {"data_dir": options.data_dir, "limit": options.limit}
