"""Work on Apache Beam: the units of work of the one-machine commands, on any of Beam's runners."""

import dataclasses
import shlex
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_d3.utils.files import read_json, write_json
from keras_d3.utils.optional_packages import optional_package

# What an item may raise without ending the others; anything else is a defect and ends the pipeline.
FAILURES = (ValueError, OSError, RuntimeError)


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
            ValueError: there is no such runner here.
        """
        runners = optional_package("apache_beam.runners.runner", "beam", "`--runner`")
        try:
            runners.create_runner(self.name)
        except (ValueError, ImportError, AttributeError) as error:
            raise ValueError(
                f"`--runner` must be a runner of Apache Beam that is installed. Received: {self.name!r} "
                f"({error})."
            ) from error

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
            make: function of a module without arguments, called once per worker before its first item;
                `work` gets its result before the item. None: `work` gets the item alone.

        Raises:
            ValueError: what items raised, a sentence each.
        """
        self.check()
        beam = optional_package("apache_beam", "beam", "`--runner`")
        options = optional_package("apache_beam.options.pipeline_options", "beam", "`--runner`")
        shutil.rmtree(faults_dir, ignore_errors=True)

        class Work(beam.DoFn):
            def setup(self):
                self.made = None

            def process(self, item):
                try:
                    if make is None:
                        work(item)
                    else:
                        self.made = make() if self.made is None else self.made
                        work(self.made, item)
                except FAILURES as error:
                    write_json(Path(faults_dir) / f"{uuid.uuid4().hex}.json", str(error))

        with beam.Pipeline(
            options=options.PipelineOptions(["--runner", self.name, *self.options])
        ) as pipeline:
            # Shuffled, so that no runner fuses all items into one step of one worker.
            _ = pipeline | beam.Create(list(items)) | beam.Reshuffle() | beam.ParDo(Work())
        faults = sorted(read_json(path) for path in Path(faults_dir).glob("*.json"))
        shutil.rmtree(faults_dir, ignore_errors=True)
        if len(faults) == 1:
            raise ValueError(faults[0])
        if faults:
            lines = "".join(f"\n  {number}. {fault}" for number, fault in enumerate(faults, 1))
            raise ValueError(f"{len(faults)} of {len(items)} units of work failed:{lines}")


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
