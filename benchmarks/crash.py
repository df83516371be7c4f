"""Kills a small run at random moments until it completes, and compares it with an uninterrupted run.

    python benchmarks/crash.py --kills 500

Each engine gets half of the kills, with the moments and the comparison of tests/test_crash.py. Prints a line
per completed run and finally a Markdown table; exits with 1 at the first difference. A kill takes about 2.5 s
on one core.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from interruption import SETTINGS, Kills, differences, finish, killed_runs, start


def kill(engine: str, kills: int, seed: int, base: Path) -> str:
    """Returns a row of the table; exits at a difference and keeps the folders."""
    settings = (*SETTINGS, "--engine", engine)
    whole = base / "whole"
    finish(start(whole, *settings))
    report, runs, begin = Kills(), 0, time.monotonic()
    for run in killed_runs(base, settings, kills, seed, report):
        if found := differences(whole, run):
            sys.exit(f"{run} and {whole} differ: {found}")
        runs += 1
        shutil.rmtree(run)
        print(f"{engine}: run {runs} is identical after {report.count} kills", file=sys.stderr)
    shutil.rmtree(base)
    moments = " / ".join(str(report.moments[moment]) for moment in ("start", "training", "writing"))
    return (
        f"| {engine} | {report.count} | {runs} | {moments} | {report.half_written} | {time.monotonic() - begin:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    base = Path(tempfile.mkdtemp())
    shares = {"pytorch": args.kills - args.kills // 2, "mxnet": args.kills // 2}
    rows = [kill(engine, share, args.seed, base / engine) for engine, share in shares.items()]
    shutil.rmtree(base)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, seed {args.seed}\n")
    print(
        "| engine | kills | runs, all identical | kills at start / training / writing "
        "| checkpoints left half written | seconds |"
    )
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
