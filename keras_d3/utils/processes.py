"""Worker processes that end with the process that started them."""

import multiprocessing
import multiprocessing.connection
import os
import threading


def end_with_parent() -> None:
    """Ends this process when its parent is gone, however that ended.

    The initializer of a `ProcessPoolExecutor`: its workers would wait for work forever where the parent was
    killed. What a worker was writing is left under a temporary name, and the next start removes it.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_exit, args=(parent.sentinel,), daemon=True).start()


def _wait_and_exit(sentinel):
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
