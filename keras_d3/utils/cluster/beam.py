"""Work on Apache Beam: the units of work of the one-machine commands, on any of Beam's runners."""

import dataclasses
import functools
import shlex
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras_d3
from keras_d3.utils.cluster.local_workers import ending_with_killed_workers
from keras_d3.utils.files import read_json, write_json
from keras_d3.utils.optional_packages import optional_package

# What an item may raise without ending the others, packages included that a worker lacks; anything else is a
# defect and ends the pipeline.
FAILURES = (ValueError, OSError, RuntimeError, ImportError)
# Before the user's, which replace them. Nothing here has triggers; that they may be unsafe keeps DirectRunner
# from downloading another runner, Prism, and trying that first.
OPTIONS = ("--allow_unsafe_triggers", "--default_sdk_harness_log_level=ERROR")


@dataclasses.dataclass(frozen=True)
class BeamRunner:
    """A runner of Apache Beam with its options.

    Workers get items, not data: they read and write files on a disk, or a mounted store, that all see.

    Args:
        name: str, such as "DirectRunner", "FlinkRunner", "SparkRunner", "DataflowRunner".
        options: tuple of str, Beam's own, such as "--direct_num_workers=2".

    Example:

    >>> runner = BeamRunner("DirectRunner", ("--direct_num_workers=2",))
    >>> runner.run(write_one_song, ["a.wav", "b.wav"], "records/.unfinished/faults")
    """

    name: str
    options: tuple[str, ...] = ()

    def check(self) -> None:
        """Loads Beam and the runner, before any work.

        Raises:
            ModuleNotFoundError: Beam is not installed.
            ValueError: there is no such runner here, or it does not take an option's value.
        """
        runners = _beam("runners.runner")
        try:
            runners.create_runner(self.name)
        except (ValueError, ImportError, AttributeError) as error:
            raise ValueError(
                f"`--runner` must be a runner of Apache Beam that is installed. Received: {self.name!r} "
                f"({error})."
            ) from error
        self._pipeline_options()

    def run(
        self,
        work: Callable[..., None],
        items: Sequence[Any],
        faults_dir: str | Path,
        make: Callable[[], Any] | None = None,
    ) -> None:
        """Does the work of all items; what an item raises is told when all are done.

        Args:
            work: function of a module (or `functools.partial` of one), called with an item. It leaves files,
                whole or not at all, as a runner may do an item twice.
            items: sequence of items that can be pickled.
            faults_dir: folder for the errors of items, which the workers see. Removed at the end.
            make: function of a module without arguments, called once per worker process before its first
                item; `work` gets its result before the item. None: `work` gets the item alone.

        Raises:
            ValueError: what items raised, a sentence each; or workers have another version of this package.
            RuntimeError: a worker process of the DirectRunner was killed.
        """
        self.check()
        beam = _beam()
        if make is not None:
            work = functools.partial(_work_with_made, work, make, _beam("utils.shared").Shared())
        shutil.rmtree(faults_dir, ignore_errors=True)
        version = keras_d3.__version__

        class Work(beam.DoFn):
            def process(self, item):
                try:
                    _check_version(version)
                    work(item)
                except FAILURES as error:
                    write_json(Path(faults_dir) / f"{uuid.uuid4().hex}.json", str(error))

        with ending_with_killed_workers(), beam.Pipeline(options=self._pipeline_options()) as pipeline:
            # Shuffled, so that no runner fuses all items into one step of one worker.
            _ = pipeline | beam.Create(list(items)) | beam.Reshuffle() | beam.ParDo(Work())
        # One that is true of all items, such as that of versions, is told once.
        faults = sorted({read_json(path) for path in Path(faults_dir).glob("*.json")})
        shutil.rmtree(faults_dir, ignore_errors=True)
        if len(faults) == 1:
            raise ValueError(faults[0])
        if faults:
            lines = "".join(f"\n  {number}. {fault}" for number, fault in enumerate(faults, 1))
            raise ValueError(f"{len(faults)} of {len(items)} units of work failed:{lines}")

    def _pipeline_options(self):
        options = _beam("options.pipeline_options")
        try:
            made = options.PipelineOptions(["--runner", self.name, *OPTIONS, *self.options])
            made.get_all_options()
        except (ValueError, SystemExit) as error:
            raise ValueError(
                f"`--runner-options` must be options of Apache Beam. Received: {' '.join(self.options)!r} "
                f"({error})."
            ) from None
        return made


def _work_with_made(work, make, shared, item):
    work(shared.acquire(lambda: _Made(make())).value, item)


class _Made:
    """What is made once per process; Beam keeps what can be referred to weakly."""

    def __init__(self, value: Any):
        self.value = value


def _beam(module=None):
    name = "apache_beam" if module is None else f"apache_beam.{module}"
    return optional_package(name, "beam", "`--runner`")


def _check_version(version):
    if version != keras_d3.__version__:
        raise ValueError(
            f"Workers must have the version of keras_d3 that the command has, {version}. Received: "
            f"{keras_d3.__version__} on a worker. Install the same on all."
        )


def add_beam_runner(parser) -> None:
    """Adds `--runner` and `--runner-options` to an `argparse` parser; `beam_runner` reads them."""
    parser.add_argument(
        "--runner",
        metavar="NAME",
        help="work on Apache Beam: DirectRunner, FlinkRunner, SparkRunner, DataflowRunner (default: here)",
    )
    parser.add_argument(
        "--runner-options",
        metavar="TEXT",
        default="",
        help="Beam's own, in one word: --runner-options='--direct_num_workers=2 "
        "--direct_running_mode=multi_processing'",
    )


def beam_runner(options) -> BeamRunner | None:
    """Returns the runner that the options of a command name, once it is known to be here; or None.

    Raises:
        ValueError: options without a runner, no such runner, or a part of the work (`--shard`) beside it.
        ModuleNotFoundError: Beam is not installed.
    """
    if options.runner is None:
        if options.runner_options:
            raise ValueError("`--runner-options` are those of a `--runner`. Name one.")
        return None
    if options.shard.count > 1:
        raise ValueError("`--runner` divides the work itself. Leave `--shard` out.")
    runner = BeamRunner(options.runner, tuple(shlex.split(options.runner_options)))
    runner.check()
    return runner
