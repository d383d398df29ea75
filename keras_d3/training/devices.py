"""The devices and processes that share the batches of a training."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import keras

import keras_d3
from keras_d3.runs import FollowingRun, Run
from keras_d3.training.processes import (
    Process,
    check_same,
    join_processes,
    lost_process_told,
    wait_at_barrier,
)
from keras_d3.utils import WorkShard


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
            ValueError: a batch size cannot be divided, images, or the processes differ.
        """
        if self._num_devices > 1 and config.data.kind != "audio":
            raise ValueError(
                "Training on several devices is for networks on audio: validation takes whole images of any "
                f"size and number. Received: {self._num_devices} devices. Train on one."
            )
        sizes = [stage.batch_size for stage in config.training.stages]
        if any(size % self._num_devices for size in sizes):
            raise ValueError(
                f"`batch_size` of every stage must be a multiple of the {self._num_devices} devices that "
                f"share a batch. Received: {', '.join(map(str, sizes))}."
            )
        facts = {
            "config": _digest(config.to_dict()),
            "records": _digest([shard.sha256 for shard in manifest.shards]),
            "versions": f"keras_d3 {keras_d3.__version__}, keras {keras.__version__}",
            "arguments": json.dumps(arguments),
        }
        check_same(self._process, facts)

    def check_epoch(self, epoch: int) -> None:
        """Raises ValueError where processes see another state of the run directory."""
        check_same(self._process, {"epoch in `run_dir`, on a disk that all see": str(epoch)})

    def wait_for_first(self) -> None:
        """Waits in all processes but the first until it calls `let_others_follow`."""
        if not self.is_first:
            wait_at_barrier(self._process)

    def let_others_follow(self) -> None:
        """Ends the waiting of the others."""
        if self.is_first:
            wait_at_barrier(self._process)


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
        ValueError: there are not so many devices, or several processes on TensorFlow.
        RuntimeError: a process does not answer, or was lost.
    """
    process = join_processes()
    if process.count > 1 and devices not in (None, "all"):
        raise ValueError(
            f"`devices` must be 'all' in a training of {process.count} processes. Received: "
            f"devices={devices!r}. Give each process as many devices as it is to have (CUDA_VISIBLE_DEVICES)."
        )
    make_scope = _tensorflow_scope if keras.backend.backend() == "tensorflow" else _jax_scope
    scope, num_devices = make_scope(devices, process)
    with lost_process_told(process), scope:
        yield TrainingDevices(num_devices, process)


def _tensorflow_scope(devices, process):
    import tensorflow as tf

    if devices is None:
        return contextlib.nullcontext(), 1
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    chosen = [device.name for device in found[: _number_of(devices, len(found))]]
    if len(chosen) == 1:
        return contextlib.nullcontext(), 1
    return tf.distribute.MirroredStrategy(chosen).scope(), len(chosen)


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


def _digest(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
