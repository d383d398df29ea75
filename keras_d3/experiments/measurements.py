"""Time and memory of one network, measured in a process of its own so that nothing else counts."""

import dataclasses
import resource
import time
from pathlib import Path

from keras_d3.settings import RunConfig
from keras_d3.utils import Job, answer

KILOBYTE = 1024  # what Linux counts the largest resident set in


@dataclasses.dataclass(frozen=True)
class StepCost:
    """What a training step of one network costs.

    Args:
        secs_per_example: float, forward and backward pass and update, of a step with one example.
        base_bytes: int, memory of the process with one example.
        bytes_per_example: int, memory that a second example adds.
        parameters: int, trainable parameters.
    """

    secs_per_example: float
    base_bytes: int
    bytes_per_example: int
    parameters: int

    def memory_bytes(self, batch_size: int) -> int:
        """Returns the memory of a step, which grows by the same for each further example."""
        return self.base_bytes + (batch_size - 1) * self.bytes_per_example


def training_step_cost(config: RunConfig, data_dir: str | Path) -> StepCost:
    """Times one training step on records, with one example, after one that traces; then one with two.

    Args:
        config: `RunConfig` of one network.
        data_dir: path of the records.

    Returns:
        `StepCost`.

    Raises:
        RuntimeError: the process ended with an error or was killed, as for want of memory.
    """
    return StepCost(
        **_in_own_process("training_step", {"config": config.to_dict(), "data_dir": str(data_dir)})
    )


def segmentation_cost(run_dir: str | Path, data_dir: str | Path, split: str) -> dict[str, float]:
    """Times a run's segmenter on one image of the records, after one call that traces.

    Args:
        run_dir: path of a finished run on images.
        data_dir: path of the records.
        split: str.

    Returns:
        dict of "secs_per_image" and "peak_bytes", the largest memory of the process.

    Raises:
        RuntimeError: the process ended with an error or was killed.
    """
    job = {"run_dir": str(run_dir), "data_dir": str(data_dir), "split": split}
    return _in_own_process("segmentation", job)


def _in_own_process(name, arguments):
    job = Job(f"The measurement of {name}", __name__, {"name": name, "arguments": arguments})
    try:
        return job.run()
    except RuntimeError as error:
        raise RuntimeError(f"The measurement of {name} failed. {error}") from error


def _training_step(config, data_dir):
    import keras

    from keras_d3.data import load_manifest
    from keras_d3.training import compiled_network, task_of

    config = RunConfig.from_dict(config)
    manifest, task = load_manifest(data_dir), task_of(config)
    model = compiled_network(config, task)

    def step(batch_size, num_steps):
        """Takes steps, of which the first one traces; returns the last one's seconds, and the peak memory."""
        batch = next(iter(task.training_data(manifest, batch_size, 1, 0)))
        for _ in range(num_steps):
            start = time.perf_counter()
            model.train_on_batch(*batch)
        return time.perf_counter() - start, _peak_bytes()

    secs, one = step(1, num_steps=2)
    _, two = step(2, num_steps=1)
    return {
        "secs_per_example": secs,
        "base_bytes": one,
        "bytes_per_example": max(two - one, 0),
        "parameters": sum(int(keras.ops.size(weight)) for weight in model.trainable_weights),
    }


def _segmentation(run_dir, data_dir, split):
    from keras_d3.data import load_manifest
    from keras_d3.experiments.segmented_images import images_of
    from keras_d3.runs import Run
    from keras_d3.segmentation import segmenter_from_run

    image = next(images_of(load_manifest(data_dir), split))["pixels"]
    segmenter = segmenter_from_run(run_dir, Run(run_dir).config.training.selection)
    segmenter.segment(image)
    start = time.perf_counter()
    segmenter.segment(image)
    return {"secs_per_image": time.perf_counter() - start, "peak_bytes": _peak_bytes()}


def _peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE


if __name__ == "__main__":
    _MEASUREMENTS = {"training_step": _training_step, "segmentation": _segmentation}
    answer(lambda job: _MEASUREMENTS[job["name"]](**job["arguments"]))
