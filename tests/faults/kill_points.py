"""Kills a process at each of its file-system steps, lets another one go on, and says what came of it.

A step is a call that makes, renames, links or removes something; the process ends just before it, as by
SIGKILL: no `finally` runs. Work is done in forked processes, so TensorFlow must not have computed
anything before in the process that forks, if the work computes with it.
"""

import collections
import contextlib
import hashlib
import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import keras_d3.utils.temporary

STEPS = ("mkdir", "replace", "rename", "link", "unlink", "remove", "rmdir", "fsync")
DONE, REFUSED, TRACEBACK, KILLED = 0, 1, 2, 137
# What `run_reporting_errors` makes a sentence of.
SENTENCES = (ValueError, OSError, RuntimeError, ImportError)
RIGHT, LEFTOVER, WRONG = "right", "leftover", "wrong"
CLASSES = (RIGHT, "refused", "traceback", WRONG, LEFTOVER, "torn")


def run_forked(work: Callable[[], object], kill_before: int | None = None, log: Path | None = None) -> int:
    """Runs `work` in a forked process, killed before its step number `kill_before`, counted from 0.

    Returns:
        int: DONE, REFUSED (an error that users see as a sentence), TRACEBACK or KILLED.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, Python 3.12
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = TRACEBACK
    keras_d3.utils.temporary._sweep_once.cache_clear()  # as in a process of its own
    try:
        with _counted_steps(kill_before, log):
            work()
        code = DONE
    except SENTENCES as error:
        print(f"refused: {error}", file=sys.stderr)
        code = REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def steps_of(work: Callable[[], object], log: Path) -> list[str]:
    """Runs `work` to its end in a forked process and returns the names of its steps."""
    log.write_text("")
    assert run_forked(work, log=log) == DONE
    return log.read_text().split()


@contextlib.contextmanager
def _counted_steps(kill_before, log):
    count = 0
    originals = {name: getattr(os, name) for name in STEPS}
    exchange = keras_d3.utils.temporary.exchange

    def counted(name, function):
        def step(*arguments, **options):
            nonlocal count
            if count == kill_before:
                os._exit(KILLED)
            count += 1
            if log is not None:
                with open(log, "a", encoding="utf-8") as file:
                    file.write(f"{name}\n")
            return function(*arguments, **options)

        return step

    for name, function in originals.items():
        setattr(os, name, counted(name, function))
    keras_d3.utils.temporary.exchange = counted("exchange", exchange)
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(os, name, function)
        keras_d3.utils.temporary.exchange = exchange


def files_below(folder: Path, content_of: Callable[[Path], str | None] | None = None) -> dict[str, str]:
    """Returns the content of every file by relative path; without those whose content is None."""
    content_of = content_of or (lambda path: hashlib.sha256(path.read_bytes()).hexdigest())
    found = {
        path.relative_to(folder).as_posix(): content_of(path) if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
    return {name: content for name, content in found.items() if content is not None}


def campaign(
    begin: Callable[[Path], object],
    work: Callable[[Path], object],
    folder: Path,
    content_of: Callable[[Path], str | None] | None = None,
    reader: Callable[[Path], bool] = lambda folder: True,
    every: int = 1,
) -> tuple[collections.Counter, list[str]]:
    """Kills `work` before each of its steps, runs it again, and compares with an undisturbed run.

    Args:
        begin: makes the directory of a try: what is there before the work.
        work: what is killed, and what goes on; gets that directory.
        folder: an empty folder for the tries.
        content_of: what of a file must be the same; None, all of its bytes. A file of which it returns None
            does not count.
        reader: says of a directory whether a reader who comes after the kill finds nothing half done.
        every: take every such step alone.

    Returns:
        `(counts by class, lines about what was not right)`. Classes: "right"; "refused" by a sentence;
        "traceback"; "wrong": other files or contents; "leftover": a temporary file; "torn": the reader's.
    """
    straight = folder / "straight"
    begin(straight)
    names = steps_of(lambda: work(straight), folder / "steps.txt")
    wanted = files_below(straight, content_of)
    counts, notes = collections.Counter(), []
    for step in range(0, len(names), every):
        trial = folder / "trial"
        begin(trial)
        code = run_forked(lambda trial=trial: work(trial), kill_before=step)
        assert code == KILLED, (step, code)
        found = RIGHT if reader(trial) else "torn"
        code = run_forked(lambda trial=trial: work(trial))
        after = files_below(trial, content_of)
        if code != DONE:
            found = {REFUSED: "refused", TRACEBACK: "traceback"}[code]
        elif found == RIGHT and after != wanted:
            extra = [name for name in after if name not in wanted]
            found = LEFTOVER if after.items() >= wanted.items() and extra else WRONG
        counts[found] += 1
        if found != RIGHT:
            different = sorted(name for name in {*after, *wanted} if after.get(name) != wanted.get(name))
            notes.append(f"step {step} ({names[step]}): {found}: {', '.join(different[:5])}")
        shutil.rmtree(trial, ignore_errors=True)
    return counts, notes
