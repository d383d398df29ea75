"""Runs trained side by side, each in a process of its own, and the separators of songs exported there.

python -m keras_d3.experiments.parallel_training JOB.json RESULT.json    trains and exports one
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from keras_d3.analysis import convolution_flops
from keras_d3.data import AudioManifest, ImageManifest
from keras_d3.experiments.compared_runs import ComparedRun
from keras_d3.runs import Run
from keras_d3.settings import RunConfig
from keras_d3.training import build_network
from keras_d3.utils import Job, answer, num_cores, run_jobs


def train_side_by_side(
    runs: Sequence[ComparedRun],
    records: Mapping[str, AudioManifest | ImageManifest],
    num_at_a_time: int,
    initial_weights: Mapping[str, str],
    from_scratch: Sequence[str],
    say: Callable[[str], Any],
) -> None:
    """Trains runs where they are not finished, several at a time; the processes share the cores.

    Separators of songs are exported by the process that trained them: making a SavedModel takes one core.

    Args:
        runs: sequence of `ComparedRun`.
        records: dict of a run's title to the manifest of its records.
        num_at_a_time: int.
        initial_weights: dict of a run's title to the file that its training starts from.
        from_scratch: titles of the runs that may start from drawn weights whatever their config says.
        say: function of one string.

    Raises:
        RuntimeError: trainings failed; the others are finished.
    """
    threads = max(1, num_cores() // num_at_a_time)
    waiting = [run for run in runs if not all(state.finished for state in _states(run))]
    jobs = [
        Job(
            run.title,
            __name__,
            {
                "config": run.config.to_dict(),
                "data_dir": str(records[run.title].directory),
                "run_dir": str(run.directory),
                "initial_weights": initial_weights.get(run.title),
                "from_scratch": run.title in from_scratch,
            },
            threads,
        )
        for run in _longest_first(waiting, records)
    ]
    failures = []
    with tqdm(total=sum(map(_epochs, runs)), desc="train", unit="epoch") as bar:

        def show_epochs():
            bar.update(sum(map(_epochs_done, runs)) - bar.n)

        show_epochs()
        for job, future in run_jobs(jobs, num_at_a_time, show_epochs):
            if error := future.exception():
                failures.append(f"{job.title}: {error}")
                say(f"failed: {failures[-1]}")
            else:
                say(f"trained: {job.title}")
    if failures:
        raise RuntimeError(
            f"{len(failures)} of {len(jobs)} trainings failed. {' '.join(failures)} The same command goes on "
            "with these."
        )


def _longest_first(runs, records):
    """The runs in an order that leaves no long one for one core at the end.

    Those of several networks first, which are also exported one after the other; then by their operations.
    """
    if len(runs) < 2:
        return runs
    costs = {run.title: _operations(run, records[run.title]) for run in runs}
    return sorted(runs, key=lambda run: (len(run.config.targets), costs[run.title]), reverse=True)


def _operations(run, manifest):
    """Floating-point operations of the convolutions, forward, of all that a run's training computes."""
    config = run.config.for_target(run.config.targets[0])
    training, num_items = config.training, len(manifest.items("train"))
    num_examples = sum(
        stage.epochs * stage.batch_size * training.steps_of_epoch(num_items, stage.batch_size)
        for stage in training.stages
    )
    network = build_network(config)
    of_example = convolution_flops(network, (1, *_training_shape(config, network)))
    return len(run.config.targets) * num_examples * of_example


def _training_shape(config, network):
    """The shape of one input in training; axes that the network leaves open get the sizes of the config."""
    if config.data.kind == "images":
        sizes = config.data.crop
    elif config.is_spectrogram:
        sizes = (config.data.input_samples // config.separation.frame_step + 1,)
    else:
        sizes = (config.data.input_samples,)
    known = network.inputs[0].shape[1:]
    return tuple(
        known_size if known_size is not None else size
        for known_size, size in itertools.zip_longest(known, sizes)
    )


def _epochs(run):
    num_networks = len(run.config.data.sources) if run.config.target == "all" else 1
    return num_networks * sum(stage.epochs for stage in run.config.training.stages)


def _epochs_done(run):
    return sum(state.epoch for state in _states(run))


def _states(run):
    targets = run.config.data.sources if run.config.target == "all" else ("",)
    return [Run(run.directory / target).read_state() for target in targets]


def _train_and_export(job):
    from keras_d3.convert import InitialWeights
    from keras_d3.experiments.exports import export_run
    from keras_d3.models import preset_for
    from keras_d3.training import train_targets

    config, weights = RunConfig.from_dict(job["config"]), job["initial_weights"]
    train_targets(
        config,
        job["data_dir"],
        job["run_dir"],
        verbose=0,
        initial_weights=InitialWeights(weights, preset_for(config).name) if weights else None,
        from_scratch=job["from_scratch"],
    )
    if config.data.kind == "audio":
        export_run(job["run_dir"])


if __name__ == "__main__":
    answer(_train_and_export)
