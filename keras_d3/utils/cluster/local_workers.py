"""The end of a worker process of Beam's local runner, for which that runner waits forever."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator

# Beam's threads that wait for a worker process, and that read from it; all raise where it was killed.
WAITER, READERS = "run_worker", ("beam_control_read", "read_grpc_client_inputs")


class _WorkerKilledError(Exception):
    """Raised in the main thread, wherever it waits."""


@contextlib.contextmanager
def ending_with_killed_workers() -> Iterator[None]:
    """Ends the block when a worker process of Beam's local runner ends with an error.

    Apache Beam (2.77) notices it in a thread, whose error goes to `threading.excepthook`, and goes on waiting
    for the worker's answer. The wait is interrupted by a signal, so in the main thread alone, and not on
    Windows.

    Raises:
        RuntimeError: a worker process was killed.
    """
    main = threading.get_ident()
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        yield
        return
    former_hook, deaths = threading.excepthook, []

    def notice(arguments):
        name = arguments.thread.name if arguments.thread is not None else ""
        if name == WAITER:
            deaths.append(arguments.exc_value)
            if len(deaths) == 1:
                signal.pthread_kill(main, signal.SIGUSR1)
        elif name not in READERS:
            former_hook(arguments)

    # What Beam says of it are tracebacks of the connection.
    loggers = [logging.getLogger(name) for name in ("apache_beam", "apache_beam.runners.worker.data_plane")]
    former_levels = [logger.level for logger in loggers]
    loggers[1].setLevel(logging.CRITICAL)

    def interrupt(number, frame):
        loggers[0].setLevel(logging.CRITICAL)
        raise _WorkerKilledError

    former_handler = signal.signal(signal.SIGUSR1, interrupt)
    threading.excepthook = notice
    try:
        yield
    except _WorkerKilledError:
        raise RuntimeError(
            f"A worker process was killed, probably for memory ({deaths[0]}). Run the same command again, "
            "with fewer workers: it goes on where it stopped."
        ) from None
    finally:
        for logger, level in zip(loggers, former_levels, strict=True):
            logger.setLevel(level)
        threading.excepthook = former_hook
        signal.signal(signal.SIGUSR1, former_handler)
