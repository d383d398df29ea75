"""Exit codes, errors and signals of the commands."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def run_reporting_errors(function: Callable[..., int | None], *arguments: Any) -> int:
    """Runs a command and returns its exit code.

    An error the user can correct becomes one line on standard error and exit code 1; anything else
    is a defect and keeps its traceback. SIGTERM, which schedulers of clusters send before they kill, ends
    the command as Ctrl-C does: temporary files are removed. A second one ends it at once.

    Args:
        function: callable, the command. It returns the exit code; None counts as 0.
        *arguments: the arguments of `function`.

    Returns:
        int: the command's exit code, 1 after an error, 130 after Ctrl-C, 143 after SIGTERM, 141 if a
        pipe's reader is gone.
    """
    # TensorFlow's C++ side reports missing GPUs as errors; what matters also comes as a Python exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with _sigterm_as_interrupt():
            return function(*arguments) or 0
    except BrokenPipeError:
        # The reader of a pipe (`| head`) left; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except _Terminated:
        print("terminated; the same command goes on where it stopped", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM raise an exception inside the block, unless the caller handles or ignores it."""
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )

    def terminate(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise _Terminated

    if is_ours:
        signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
