"""The one `train()` of all recipes."""

import contextlib
import random
import sys

import keras
import numpy as np

from keras_d3 import models
from keras_d3.data import check_kind, check_shards_once, load_manifest, reraise_with_shard_name
from keras_d3.runs import Run, check_initial_weights
from keras_d3.training.audio_summaries import AudioSummaries
from keras_d3.training.callbacks import RunRecorder
from keras_d3.training.devices import training_devices
from keras_d3.training.networks import build_network, compile_network, default_jit_compile, prepare_steps
from keras_d3.training.processes import join_processes
from keras_d3.training.run_logs import RunLogs
from keras_d3.training.schedules import StepSchedule
from keras_d3.training.step_reuse import StepReuse
from keras_d3.training.tasks import task_of
from keras_d3.training.user_callbacks import check_callbacks
from keras_d3.training.weight_average import WeightAverage
from keras_d3.utils import current_commit


def train(
    config,
    data_dir,
    run_dir,
    stop_after_epoch=None,
    verbose="auto",
    initial_weights=None,
    from_scratch=False,
    callbacks=(),
    step_reuse=None,
    devices=None,
):
    """Trains one network from records with `model.fit`, or goes on where a run stopped.

    After every epoch the model with its optimizer state, the history and the state of the schedule
    are on disk, each whole or not there; what follows from the state is derived from it at every
    start. An epoch's excerpts depend on seed and epoch number
    alone, and what is added is added in one order, so a run that was stopped and resumed ends with the
    weights of one that was not, to the bit (same machine and number of threads). A finished run returns
    at once.

    With `config.training.ema_momentum` the checkpoints `best` and `last`, and validation, have a moving
    average of the weights; what is trained and resumed from is the same as without.

    With `config.training.input_statistics` a new network's input normalization starts at the
    statistics of the training records, which are computed once and kept beside the manifest.

    Args:
        config: `RunConfig` of one network (`target` is not "all": see `train_targets`).
        data_dir: path of a directory of records with its `manifest.json`, from `python -m tfrecords_tools`.
        run_dir: path of the run's directory. New, empty, or of the same config.
        stop_after_epoch: int; stop when that many epochs are finished, to be resumed later. None
            trains to the end.
        verbose: as in `model.fit`; "auto" shows a progress bar on a terminal and a line per epoch
            elsewhere.
        initial_weights: source of a new network's weights, such as
            `keras_d3.convert.InitialWeights`: an object with `apply(model)` and
            `description`, a dict that the run directory keeps. None: they are drawn, which a config that
            starts from other weights (`config.pretrained`) allows with `from_scratch` alone.
        from_scratch: bool, whether the weights of a new network are to be drawn whatever the config says.
        callbacks: sequence of `keras.callbacks.Callback`, called after those of this package, so that at the
            end of an epoch its checkpoint is on disk. Each stage is a `fit` of its own. They may read, write
            files, and stop training (`self.model.stop_training = True`), which leaves the run to be resumed;
            an epoch cut short is done again. They may not change weights, optimizer or learning rate. Their
            own state is not saved.
        step_reuse: `StepReuse` of the networks trained before, whose traced training step a network of the
            same architecture takes over; None to trace it anew. See `train_targets`.
        devices: int, "all" or None, how many devices share each batch: see `training_devices`, also for
            several processes.

    Returns:
        `TrainingState` with the history.

    Raises:
        FileNotFoundError: no records at `data_dir`.
        ValueError: a callback is none, or does what a setting does; the config starts from other weights and
            a new run gets none; the run directory belongs to another config or other initial weights, its
            state or checkpoint is damaged, the records do not fit the config, training diverged, a shard is
            damaged (the message names it), or devices or processes cannot share the batches.
        RuntimeError: another process trains in the run directory; one of the same training does not answer,
            or was lost.
    """
    check_initial_weights(config, run_dir, initial_weights is not None, from_scratch)
    check_callbacks(callbacks)
    with training_devices(devices) as place:
        manifest = load_manifest(data_dir)
        run = place.run(run_dir)
        check_training(config, manifest)
        description = initial_weights.description if initial_weights else None
        place.check(config, manifest, stop_after_epoch=stop_after_epoch, initial_weights=description)
        task = task_of(config)
        verbose = verbose if place.is_first else 0
        with run.writing():
            with place.first_alone():
                check_shards_once(manifest, "train", "validation")
                run.claim(config)
                state = run.read_state()
                _check_state(run, state, config.training.stages)
                run.claim_initial_weights(description, state, from_scratch)
                if not state.epoch:
                    task.prepare_records(manifest, bool(verbose))
            place.check_same_epoch(state)
            if not state.finished:
                state.commit = state.commit or current_commit()
                _record_tracks(run, manifest)
                step_reuse = step_reuse or StepReuse()
                _make_deterministic(config.training.seed, step_reuse)
                model = _load_or_build(config, run, state, manifest, task, initial_weights, step_reuse)
                place.check_network(model)
                _run_stages(
                    model, config, run, state, manifest, task, place, stop_after_epoch, verbose, callbacks
                )
    return state


def _run_stages(model, config, run, state, manifest, task, place, stop_after_epoch, verbose, callbacks):
    """Trains from where the state stands to its end, or to `stop_after_epoch`; updates it in place."""
    has_validation = "validation" in manifest.splits
    average = _weight_average(config, run, state)
    state.parameters = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    logs = _logs(config, run, manifest, task, average) if place.is_first else []
    stages = config.training.stages
    while state.stage < len(stages):
        if stop_after_epoch is not None and state.epoch >= stop_after_epoch:
            return
        stage = stages[state.stage]
        steps = config.training.steps_of_epoch(len(manifest.items("train")), stage.batch_size)
        recorder = RunRecorder(run, state, stage, steps, has_validation, config.training.monitor, average)
        with reraise_with_shard_name(manifest):
            model.fit(
                task.training_data(manifest, stage.batch_size, steps, state.epoch, place.share),
                validation_data=_validation_data(task, manifest, stage, place) if has_validation else None,
                initial_epoch=state.epoch,
                epochs=_last_epoch(state, stage, stop_after_epoch),
                steps_per_epoch=steps,
                callbacks=[
                    StepSchedule(stage, steps, state.epoch - state.stage_epoch),
                    *([average] if average else []),
                    recorder,
                    *logs,
                    *callbacks,
                ],
                shuffle=False,  # the dataset shuffles
                verbose=verbose,
            )
        if recorder.was_stopped and state.stage < len(stages):
            return
    state.finished = True
    run.save_state(state)


def _validation_data(task, manifest, stage, place):
    return task.validation_data(manifest, stage.batch_size, place.share, place.needs_even_batches)


def train_targets(config, data_dir, run_dir, **kwargs):
    """Trains every network of a run: one, or with `target="all"` one per source.

    The networks of an "all" run go to `RUN/<source>/`, each a run directory of its own. Those of one
    architecture share one traced training step (see `StepReuse`); their weights are those of networks that
    are trained alone.

    Args:
        config: `RunConfig`.
        data_dir: path of a directory of records.
        run_dir: directory of the run.
        **kwargs: further arguments of `train`.

    Returns:
        dict of `target -> TrainingState`; the key is None for a network that estimates all sources.
    """
    if config.target != "all":
        return {config.target: train(config, data_dir, run_dir, **kwargs)}
    check_callbacks(kwargs.get("callbacks", ()))
    has_weights = kwargs.get("initial_weights") is not None
    check_initial_weights(config, run_dir, has_weights, kwargs.get("from_scratch", False))
    run = Run(run_dir)
    is_first = join_processes().number == 0
    with run.writing() if is_first else contextlib.nullcontext():
        if is_first:
            run.claim(config)
        kwargs = {"step_reuse": StepReuse(), **kwargs}
        return {
            source: train(config.for_target(source), data_dir, run.path / source, **kwargs)
            for source in config.data.sources
        }


def _check_state(run, state, stages):
    """Refuses a state that this config cannot have come to."""
    is_past = state.stage >= len(stages)
    is_possible = state.stage == len(stages) if is_past else state.stage_epoch < stages[state.stage].epochs
    if not is_possible or state.finished and not is_past:
        raise ValueError(
            f"The training state in `{run.path}` does not fit its config of {len(stages)} stages. Received: "
            f"stage={state.stage}, stage_epoch={state.stage_epoch}, finished={state.finished}. Restore "
            f"state.json, or remove `{run.path}` and train again."
        )


def check_training(config, manifest):
    """Checks that a config can be trained on records, before anything is written.

    Args:
        config: `RunConfig` of one network.
        manifest: `AudioManifest` or `ImageManifest`.

    Raises:
        ValueError: kind, rate, sources or classes differ, or a split is missing.
    """
    check_kind(manifest, config.data.kind)
    if "train" not in manifest.splits:
        raise ValueError(
            f"The records at `{manifest.directory}` hold nothing to train on, only the split "
            f"{', '.join(manifest.splits)}. Write records of the whole data set, with a training split, into "
            "another directory."
        )
    has_validation = "validation" in manifest.splits
    task_of(config).check(manifest, ("train", "validation") if has_validation else ("train",))
    if not has_validation and config.training.tensorboard_excerpts:
        raise ValueError(
            f"The records at `{manifest.directory}` hold no validation split to take "
            f"`tensorboard_excerpts` from. Received: training.tensorboard_excerpts="
            f"{config.training.tensorboard_excerpts!r}. Set it to 0."
        )
    if not has_validation and config.training.selection == "best":
        raise ValueError(
            f"The records at `{manifest.directory}` hold no validation split, but `selection='best'` "
            "chooses weights by what they reach there. Write records with a validation split, or set "
            "`selection='last'` (`--set training.selection=last`)."
        )


def _make_deterministic(seed, step_reuse):
    """Seeds everything, and has TensorFlow sum in the same order each time (process-wide).

    TensorFlow throws all prepared functions away when it is seeded, so that a kept training step would be
    optimized anew, 11 s for a small D3Net. Weights are drawn by Python's and NumPy's generators, and data by
    seeds of their own, so after a network whose step is kept, these two are enough.
    """
    if step_reuse.seed == seed:
        random.seed(seed)
        np.random.seed(seed)
    else:
        keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _load_or_build(config, run, state, manifest, task, initial_weights, step_reuse):
    if state.epoch:
        hint = f"Restore it, or remove `{run.path}` and train again."
        model = models.load_network(run.resume_checkpoint(state.epoch), compile=True, hint=hint)
        model.jit_compile = default_jit_compile()
        return prepare_steps(model, task)
    model = build_network(config)
    # Not when resuming: the checkpoint already contains the trained weights.
    if initial_weights:
        initial_weights.apply(model)
    task.prepare(model, manifest)
    return step_reuse.compiled(model, config, lambda model: compile_network(model, config, task))


def _last_epoch(state, stage, stop_after_epoch):
    """The epoch after which `fit` ends: that of the stage, or an earlier one."""
    last = state.epoch + stage.epochs - state.stage_epoch
    return last if stop_after_epoch is None else min(last, stop_after_epoch)


def _logs(config, run, manifest, task, average):
    """The callbacks that write for TensorBoard."""
    folder = run.path / "tensorboard"
    logs = [RunLogs(folder)]
    if count := config.training.tensorboard_excerpts:
        rate = config.data.sample_rate_hz
        logs.append(AudioSummaries(folder / "excerpts", task, manifest, count, rate, average))
    return logs


def _weight_average(config, run, state):
    """The average of the weights where the config asks for one, as the last epoch left it."""
    if config.training.ema_momentum is None:
        return None
    steps_per_update = config.training.gradient_accumulation_steps or 1
    average = WeightAverage(config.training.ema_momentum, steps_per_update)
    if state.epoch:
        hint = f"Restore it, or remove `{run.path}` and train again."
        averaged = models.load_network(run.averaged_checkpoint(state.epoch), hint=hint)
        average.set_values(averaged.get_weights())
    return average


def _record_tracks(run, manifest):
    """For evaluation, which refuses to score what was trained on."""
    splits = [split for split in ("train", "validation") if split in manifest.splits]
    run.record_tracks({split: [item.name for item in manifest.items(split)] for split in splits})
