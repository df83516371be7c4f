"""Counts the tests that ran, and fails if a test was skipped for a reason that `allowed-skips` does not list.

Usage: check_skips.py PYTEST_REPORTS SUREFIRE_REPORTS
"""

import sys
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

ALLOWED = [
    line
    for line in Path(__file__).with_name("allowed-skips").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def count(language: str, reports: list[Path]) -> list[str]:
    """Prints how many tests ran, and returns what is wrong."""
    cases = [case for report in reports for case in ElementTree.parse(report).iter("testcase")]
    skipped = [(case, skip) for case in cases if (skip := case.find("skipped")) is not None]
    print(f"{language}: {len(cases) - len(skipped)} tests ran, {len(skipped)} were skipped")
    wrong = [] if len(cases) > len(skipped) else [f"No test ran in {language}."]
    for case, skip in skipped:
        # JUnit puts the exception before the reason
        reason = (skip.get("message") or skip.text or "").split("Assumption failed: ")[-1].split("\n")[0]
        if not any(fnmatchcase(reason, pattern) for pattern in ALLOWED):
            wrong.append(f"{case.get('classname')}.{case.get('name')} was skipped: {reason}")
    return wrong


if __name__ == "__main__":
    python, java = map(Path, sys.argv[1:])
    problems = count("Python", list(python.glob("*.xml"))) + count("Java", sorted(java.glob("**/TEST-*.xml")))
    sys.exit("\n".join(problems) or 0)  # an empty string would be a failure, too
