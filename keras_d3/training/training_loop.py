"""The one `train()` of all recipes."""

import contextlib
import sys

import keras

from keras_d3 import models
from keras_d3.data import check_kind, load_manifest, reraise_with_shard_name
from keras_d3.runs import Run, check_initial_weights
from keras_d3.training.callbacks import RunRecorder
from keras_d3.training.devices import training_devices
from keras_d3.training.optimizers import make_optimizer
from keras_d3.training.processes import join_processes
from keras_d3.training.schedules import StepSchedule
from keras_d3.training.tasks import task_of
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
    devices=None,
):
    """Trains one network from records with `model.fit`, or goes on where a run stopped.

    After every epoch the model with its optimizer state, the history and the state of the schedule
    are on disk, each whole or not there. An epoch's excerpts depend on seed and epoch number
    alone, so a run that was stopped and resumed ends with the weights of one that was
    not (same machine and number of threads; to the bit as a rule, once seen off by rounding). A
    finished run returns at once.

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
        devices: int, "all" or None, how many devices share each batch: see `training_devices`.

    Returns:
        `TrainingState` with the history.

    Raises:
        FileNotFoundError: no records at `data_dir`.
        ValueError: the config starts from other weights and a new run gets none; the run directory belongs
            to another config or other initial weights, the records do not fit the config, training diverged,
            or a shard is damaged (the message names it); devices or processes cannot share the batches.
        RuntimeError: another process of the training does not answer, or was lost.
    """
    check_initial_weights(config, run_dir, initial_weights is not None, from_scratch)
    with training_devices(devices) as place:
        return _train(
            place, config, data_dir, run_dir, stop_after_epoch, verbose, initial_weights, from_scratch
        )


def _train(place, config, data_dir, run_dir, stop_after_epoch, verbose, initial_weights, from_scratch):
    manifest = load_manifest(data_dir)
    run = place.run(run_dir)
    has_validation = "validation" in manifest.splits
    task = task_of(config)
    check_training(config, manifest)
    description = initial_weights.description if initial_weights else None
    place.check(config, manifest, stop_after_epoch=stop_after_epoch, initial_weights=description)
    place.wait_for_first()
    run.claim(config)
    state = run.read_state()
    run.claim_initial_weights(description, state, from_scratch)
    if not state.epoch:
        task.prepare_records(manifest, progress=bool(verbose))
    place.let_others_follow()
    place.check_epoch(state.epoch)
    if state.finished:
        return state
    state.commit = state.commit or current_commit()
    _record_tracks(run, manifest)

    _make_deterministic(config.training.seed)
    model = _load_or_build(config, run, state, manifest, task, initial_weights, progress=bool(verbose))
    average = _weight_average(config, run, state)
    state.parameters = sum(int(keras.ops.size(weight)) for weight in model.trainable_weights)
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    verbose = verbose if place.is_first else 0
    stages = config.training.stages
    while state.stage < len(stages):
        if stop_after_epoch is not None and state.epoch >= stop_after_epoch:
            return state
        stage = stages[state.stage]
        steps = config.training.steps_of_epoch(len(manifest.items("train")), stage.batch_size)
        last_epoch = state.epoch + stage.epochs - state.stage_epoch
        if stop_after_epoch is not None:
            last_epoch = min(last_epoch, stop_after_epoch)
        with reraise_with_shard_name(manifest):
            model.fit(
                task.training_data(manifest, stage.batch_size, steps, state.epoch, place.share),
                validation_data=task.validation_data(
                    manifest, stage.batch_size, place.share, place.needs_even_batches
                )
                if has_validation
                else None,
                initial_epoch=state.epoch,
                epochs=last_epoch,
                steps_per_epoch=steps,
                callbacks=[
                    StepSchedule(stage, steps, state.epoch - state.stage_epoch),
                    *([average] if average else []),
                    RunRecorder(run, state, stage, steps, has_validation, config.training.monitor, average),
                    *([_tensor_board(run)] if place.is_first else []),
                ],
                shuffle=False,  # the dataset shuffles
                verbose=verbose,
            )
    state.finished = True
    run.save_state(state)
    return state


def _tensor_board(run):
    return keras.callbacks.TensorBoard(str(run.path / "tensorboard"), write_graph=False)


def train_targets(config, data_dir, run_dir, **kwargs):
    """Trains every network of a run: one, or with `target="all"` one per source.

    The networks of an "all" run go to `RUN/<source>/`, each a run directory of its own.

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
    has_weights = kwargs.get("initial_weights") is not None
    check_initial_weights(config, run_dir, has_weights, kwargs.get("from_scratch", False))
    run = Run(run_dir)
    if join_processes().number == 0:
        run.claim(config)
    return {
        source: train(config.for_target(source), data_dir, run.path / source, **kwargs)
        for source in config.data.sources
    }


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
    if not has_validation and config.training.selection == "best":
        raise ValueError(
            f"The records at `{manifest.directory}` hold no validation split, but `selection='best'` "
            "chooses weights by what they reach there. Write records with a validation split, or set "
            "`selection='last'` (`--set training.selection=last`)."
        )


def build_network(config):
    """Builds the network of a run in its dtype policy, without compiling it.

    Args:
        config: `RunConfig` of one network.

    Returns:
        `keras.Model`.
    """
    with _dtype_policy(config.training.precision):
        return models.build(models.preset_for(config).name, tiny=config.tiny, **config.model)


def default_jit_compile():
    """Returns Keras' `jit_compile` for this machine: False on the CPU, "auto" on an accelerator.

    XLA on a CPU makes a training step of these networks 3 to 4 times slower, and "auto" picks it.
    """
    if keras.backend.backend() != "tensorflow":
        return "auto"
    import tensorflow as tf

    return "auto" if tf.config.list_physical_devices("GPU") else False


def _make_deterministic(seed):
    """Seeds everything, and has TensorFlow sum in the same order each time (process-wide)."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _load_or_build(config, run, state, manifest, task, initial_weights, progress):
    if state.epoch:
        model = keras.saving.load_model(run.resume_checkpoint(state.epoch))
        model.jit_compile = default_jit_compile()
        return model
    model = build_network(config)
    # Not when resuming: the checkpoint already contains the trained weights.
    if initial_weights:
        initial_weights.apply(model)
    task.prepare(model, manifest, progress)
    return _compile(model, config, task)


def _weight_average(config, run, state):
    """The average of the weights where the config asks for one, as the last epoch left it."""
    if config.training.ema_momentum is None:
        return None
    average = WeightAverage(config.training.ema_momentum)
    if state.epoch:
        averaged = keras.saving.load_model(run.averaged_checkpoint(state.epoch), compile=False)
        average.set_values(averaged.get_weights())
    return average


def compiled_network(config, task):
    """Builds and compiles the network of a run as its first step finds it, for measurements.

    Args:
        config: `RunConfig` of one network.
        task: `task_of(config)`.

    Returns:
        `keras.Model`, without the statistics of its records.
    """
    return _compile(build_network(config), config, task)


def _compile(model, config, task):
    model.compile(
        optimizer=make_optimizer(config.training),
        jit_compile=default_jit_compile(),
        **task.objective(model),
    )
    # Variables that appear while the training step is traced make TensorFlow trace it a second time.
    model.optimizer.build(model.trainable_variables)
    return model


def _record_tracks(run, manifest):
    """For evaluation, which refuses to score what was trained on."""
    splits = [split for split in ("train", "validation") if split in manifest.splits]
    run.record_tracks({split: [item.name for item in manifest.items(split)] for split in splits})


@contextlib.contextmanager
def _dtype_policy(name):
    """Makes `name` Keras' dtype policy inside the block only."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
