"""The whole campaign, in a process in which TensorFlow has not computed anything yet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.large
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_whatever_is_killed_ends_right():
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.campaign"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
