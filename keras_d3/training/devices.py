"""The devices and processes that share the batches of a training."""

import contextlib
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

import keras

from keras_d3.runs import FollowingRun, Run, TrainingState
from keras_d3.training.processes import (
    Process,
    check_same,
    first_alone,
    join_processes,
    lost_process_told,
)
from keras_d3.utils import WorkShard, code_version

PACKAGES = ("keras", "jax", "tensorflow", "numpy")
# On TensorFlow each device does these with the gradients of its own part of a batch.
PER_DEVICE = ("clipnorm", "global_clipnorm", "clipvalue", "gradient_accumulation_steps")


class TrainingDevices:
    """What a training runs on.

    Args:
        num_devices: int, of all processes together.
        process: `Process`, this one.

    Attributes:
        share: `WorkShard`, the part of the data that this process reads.
        is_first: bool, whether this process writes the run directory and talks to the user.
        needs_even_batches: bool, whether every batch must have a multiple of `num_devices` examples.
    """

    def __init__(self, num_devices: int, process: Process):
        self._num_devices, self._process = num_devices, process
        self.share = WorkShard(process.number + 1, process.count)
        self.is_first = process.number == 0
        self.needs_even_batches = num_devices > 1

    def run(self, path: str | Path) -> Run:
        """Returns the run directory, as this process may use it."""
        return Run(path) if self.is_first else FollowingRun(path)

    def check(self, config, manifest, **arguments) -> None:
        """Refuses, before the first step, what several devices or processes cannot train.

        Args:
            config: `RunConfig` of one network.
            manifest: `AudioManifest` or `ImageManifest`.
            **arguments: of the call, which must be the same in all processes.

        Raises:
            ValueError: a batch size cannot be divided, settings or images that several devices cannot train,
                or the processes differ.
        """
        if self._num_devices > 1:
            self._check_settings(config)
        if self._process.count == 1:
            return
        facts = {
            "config": _digest(config.to_dict()),
            "records": _digest([shard.sha256 for shard in manifest.shards]),
            "versions": _versions(),
            "arguments": json.dumps(arguments),
        }
        check_same(self._process, facts)

    def _check_settings(self, config):
        training, several = config.training, f"Received: {self._num_devices} devices"
        if config.data.kind != "audio":
            raise ValueError(
                "Training on several devices is for networks on audio: validation takes whole images of any "
                f"size and number. {several}. Train on one."
            )
        sizes = [stage.batch_size for stage in training.stages]
        if any(size % self._num_devices for size in sizes):
            raise ValueError(
                f"`batch_size` of every stage must be a multiple of the {self._num_devices} devices that "
                f"share a batch. Received: {', '.join(map(str, sizes))}."
            )
        if training.has_stft_loss:
            raise ValueError(
                "The multi-resolution STFT loss is one of whole batches, which several devices do not see. "
                f"{several}, training.loss={training.loss!r}, training.stft_loss_weight="
                f"{training.stft_loss_weight!r}. Train on one device."
            )
        set_here = [name for name in PER_DEVICE if getattr(training, name) is not None]
        if keras.backend.backend() == "tensorflow" and set_here:
            raise ValueError(
                f"On several devices of TensorFlow, {', '.join(set_here)} would be applied to the gradients "
                f"of each device. {several}. Set it to null, train on one, or set KERAS_BACKEND=jax."
            )
        if self._process.count > 1 and training.tensorboard_excerpts:
            raise ValueError(
                "`training.tensorboard_excerpts` are for one process. Received: "
                f"{training.tensorboard_excerpts} in a training of {self._process.count} processes. Set it "
                "to 0."
            )

    def check_network(self, model) -> None:
        """Refuses what `tf.distribute` would train otherwise than one device.

        Raises:
            ValueError: the network has batch normalization. On JAX its statistics are those of whole batches.
        """
        is_split = self._num_devices > 1 and keras.backend.backend() == "tensorflow"
        if is_split and any("moving_mean" in weight.path for weight in model.weights):
            raise ValueError(
                "Batch normalization on several devices of TensorFlow takes the statistics of each device's "
                f"part of a batch. Received: {self._num_devices} devices, network {model.name!r}. Train on "
                "one, or set KERAS_BACKEND=jax."
            )

    def check_same_epoch(self, state: TrainingState) -> None:
        """Raises ValueError where processes see another state of the run directory."""
        check_same(self._process, {"epoch in `run_dir`, on a disk that all see": str(state.epoch)})

    def first_alone(self) -> contextlib.AbstractContextManager[None]:
        """Has process 0 go through the block before all others do."""
        return first_alone(self._process)


@contextlib.contextmanager
def training_devices(devices: int | str | None) -> Iterator[TrainingDevices]:
    """Yields the devices that networks made inside the block are trained on.

    On TensorFlow `tf.distribute.MirroredStrategy`, on JAX `keras.distribution.DataParallel`: each device has
    the network's weights and a part of each batch, and their gradients are averaged. On JAX all devices of
    all processes that the environment variables name (`keras_d3.training.processes`).

    Args:
        devices: int, "all", or None: the number of devices of this machine. None is one, and all of them
            where there are several processes.

    Raises:
        ValueError: there are not so many devices, another backend, or several processes on TensorFlow.
        RuntimeError: a process does not answer, or was lost.
    """
    backend = keras.backend.backend()
    if devices is not None and backend not in ("tensorflow", "jax"):
        raise ValueError(
            "`devices` needs the TensorFlow or the JAX backend. Received: "
            f"devices={devices!r} on {backend!r}. Leave it out, or set KERAS_BACKEND."
        )
    process = join_processes()
    if process.count > 1 and devices not in (None, "all"):
        raise ValueError(
            f"`devices` must be 'all' in a training of {process.count} processes. Received: "
            f"devices={devices!r}. Give each process as many devices as it is to have (CUDA_VISIBLE_DEVICES)."
        )
    make_scope = _tensorflow_scope if backend == "tensorflow" else _jax_scope
    scope, num_devices = make_scope(devices, process)
    with lost_process_told(process), scope:
        yield TrainingDevices(num_devices, process)


def _tensorflow_scope(devices, process):
    import tensorflow as tf

    if devices is None:
        return contextlib.nullcontext(), 1
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    chosen = tuple(device.name for device in found[: _number_of(devices, len(found))])
    if len(chosen) == 1:
        return contextlib.nullcontext(), 1
    return _mirrored(chosen).scope(), len(chosen)


@functools.cache
def _mirrored(names):
    """One strategy for all networks of a process: a network that `StepReuse` lends stays in its own."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(names))


def _jax_scope(devices, process):
    import tensorflow as tf

    # It reads the records, on the processor; the accelerators are JAX's.
    with contextlib.suppress(RuntimeError):  # already in use
        tf.config.set_visible_devices([], "GPU")
    if keras.backend.backend() != "jax" or (process.count == 1 and devices is None):
        return contextlib.nullcontext(), 1
    found = keras.distribution.list_devices()
    chosen = found if process.count > 1 else found[: _number_of(devices, len(found))]
    if len(chosen) == 1:
        return contextlib.nullcontext(), 1
    # Every process reads its own part of the data; Keras would have each read all of it and drop the rest.
    distribution = keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
    return distribution.scope(), len(chosen)


def _number_of(devices, num_found):
    if devices == "all":
        return num_found
    if isinstance(devices, bool) or not isinstance(devices, int) or not 1 <= devices <= num_found:
        raise ValueError(
            f"`devices` must be 'all' or from 1 to {num_found}, the devices of this machine. "
            f"Received: devices={devices!r}."
        )
    return devices


def _versions():
    versions = {"code": code_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _digest(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
