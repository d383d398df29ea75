"""The segmenter of a run directory: the network a training left there, with its settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.runs import Run
from keras_d3.segmentation.segmenter import Segmenter


def segmenter_from_run(
    run_dir: str | Path, checkpoint: str = "last", changes: Mapping[str, Any] | None = None
) -> Segmenter:
    """Makes a segmenter from the checkpoint of a run.

    Args:
        run_dir: path, run directory of a recipe on images.
        checkpoint: `"best"` or `"last"`.
        changes: dict of settings of `SegmenterConfig` that replace the run's.

    Returns:
        `Segmenter`; its metadata's `recipe` is the run's config.

    Raises:
        FileNotFoundError: no run there, or a checkpoint is missing.
        ValueError: it is no run on images, or a setting is unknown or out of range.

    Example:

    >>> segmenter_from_run("runs/d3net_segmentation/tiny", changes={"flip": True}).export("tiny_flipped")
    """
    run = Run(run_dir)
    if run.config.segmentation is None:
        raise ValueError(f"The run `{run.path}` must be one on images. Received: {run.config.data.kind}.")
    config = run.config.segmentation.changed(changes)
    return Segmenter(run.load(checkpoint), config, metadata={"recipe": run.config.to_dict()})
