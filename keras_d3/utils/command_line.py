"""Exit codes, errors and signals of the commands."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from keras_d3.utils.keras_settings import settle_keras_settings
from keras_d3.utils.printing import print_any_character


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def run_reporting_errors(function: Callable[..., int | None], *arguments: Any) -> int:
    """Runs a command and returns its exit code.

    An error the user can correct becomes one line on standard error and exit code 1; anything else
    is a defect and keeps its traceback. SIGTERM, which schedulers of clusters send before they kill, ends
    the command as Ctrl-C does: temporary files are removed. A second one ends it at once. What Keras settings
    of other projects would break is settled first (see `settle_keras_settings`), and standard output and
    error take any character.

    Args:
        function: callable, the command. It returns the exit code; None counts as 0.
        *arguments: the arguments of `function`.

    Returns:
        int: the command's exit code, 1 after an error, 130 after Ctrl-C, 143 after SIGTERM, 141 if a
        pipe's reader is gone.
    """
    # TensorFlow's C++ side reports missing GPUs as errors; what matters also comes as a Python exception.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print_any_character(sys.stdout)
    print_any_character(sys.stderr)
    try:
        settle_keras_settings()
        with _sigterm_as_interrupt():
            return function(*arguments) or 0
    except BrokenPipeError:
        # The reader of a pipe (`| head`) left; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except _Terminated:
        print("terminated; the same command goes on where it stopped", file=sys.stderr)
        return 143
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 1


def _sentence(error: Exception) -> str | None:
    """Returns what to tell the user, or None: the error is a defect of the program."""
    if isinstance(error, MemoryError):
        return f"the memory is not enough ({error or 'no more is said'}). Give the command less at a time."
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and isinstance(error, tensorflow.errors.OpError):
        return _tensorflow_sentence(tensorflow, error)
    if isinstance(error, (ValueError, OSError, RuntimeError, ImportError)):
        return str(error)
    return None


def _tensorflow_sentence(tensorflow, error):
    # Behind the first line stand C++ places and the graph's nodes.
    reason = (error.message or type(error).__name__).splitlines()[0]
    if "No space left" in error.message or "Disk quota exceeded" in error.message:
        return f"the disk is full ({reason}). Make room, or write to another disk."
    if isinstance(error, tensorflow.errors.ResourceExhaustedError):
        return f"the memory is not enough ({reason}). Give the command less at a time, or use more memory."
    return f"TensorFlow failed: {reason}"


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
