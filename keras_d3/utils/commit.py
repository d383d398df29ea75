"""The version of the code that makes a result."""

import subprocess
from pathlib import Path

import keras_d3


def current_commit() -> str:
    """Returns the git commit of this checkout, "+changes" appended where files differ from it.

    Outside a checkout (an installed wheel) it is "v" and the package's version.
    """
    root = Path(keras_d3.__file__).resolve().parents[1]
    version = f"v{keras_d3.__version__}"
    if not (root / ".git").exists():
        return version
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return version
    return f"{commit}+changes" if changed else commit


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()
