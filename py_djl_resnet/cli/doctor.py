"""The command ``doctor``."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from .._java.jars import ENGINES
from ..doctor import examine
from .options import print_json

HELP = """Check the installation and suggest fixes.

The checks cover what training needs: Java, jars, engine, memory and devices."""
EXAMPLES = ("doctor", "doctor --engine mxnet --json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options."""
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        metavar="pytorch|mxnet",
        default="pytorch",
        help="engine to check (default: pytorch)",
    )


def run(options: Any) -> int:
    """Prints the findings; returns 1 if training cannot work."""
    findings = examine(options.engine)
    if options.json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            print(f"{finding.verdict:<7}  {finding.name:<{width}}  {finding.detail}")
            if finding.cure:
                print(f"{'':<7}  {'':<{width}}  → {finding.cure}")
    return 1 if any(finding.verdict == "failure" for finding in findings) else 0
