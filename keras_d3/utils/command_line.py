"""Exit codes and errors of the commands."""

import os
import sys
from collections.abc import Callable
from typing import Any


def run_reporting_errors(function: Callable[..., int | None], *arguments: Any) -> int:
    """Runs a command and returns its exit code.

    An error the user can correct becomes one line on standard error and exit code 1; anything else
    is a defect and keeps its traceback.

    Args:
        function: callable, the command. It returns the exit code; None counts as 0.
        *arguments: the arguments of `function`.

    Returns:
        int: the command's exit code, 1 after an error, 130 after Ctrl-C, 141 if a pipe's reader is gone.
    """
    # TensorFlow's C++ side reports missing GPUs as errors; what matters also comes as a Python exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return function(*arguments) or 0
    except BrokenPipeError:
        # The reader of a pipe (`| head`) left; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
