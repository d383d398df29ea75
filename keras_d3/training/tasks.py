"""Training tasks by the kind of data."""

from keras_d3.training.audio_task import AudioTask
from keras_d3.training.segmentation_task import SegmentationTask

TASKS = {"audio": AudioTask, "images": SegmentationTask}


def task_of(config):
    """Returns the task of a `RunConfig`: an object with the members of `AudioTask`.

    Args:
        config: `RunConfig` of one network.
    """
    return TASKS[config.data.kind](config)
