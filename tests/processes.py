"""New processes for tests, since a process can start the JVM only once."""

import os
import subprocess
import sys
import textwrap


def run(script, folder=None, **environment):
    """Runs Python code in a new process, in `folder`; returns its exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr
