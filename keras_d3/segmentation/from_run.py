"""The segmenter of a run directory: the network a training left there, with its settings."""

from pathlib import Path

from keras_d3.images import LABEL_SETS, LabelSet, voc_palette
from keras_d3.segmentation.segmenter import Segmenter
from keras_d3.separation import CHECKPOINTS, MADE_BY
from keras_d3.settings import SegmenterConfig, from_dict
from keras_d3.utils import check_choice, read_json


def segmenter_from_run(run_dir, checkpoint="last", changes=None):
    """Makes a segmenter from the checkpoint of a run.

    Normalisation and classes are those of the run's data; windows, scales and flips those of its
    `segmentation`.

    Args:
        run_dir: run directory with `config.json` and `checkpoints/`.
        checkpoint: `"best"` or `"last"`.
        changes: dict of settings of `SegmenterConfig` that replace the run's.

    Returns:
        `Segmenter`; its metadata's `recipe` is the run's config.

    Raises:
        FileNotFoundError: no run there, or a checkpoint is missing.
        ValueError: it is no run on images, or a setting is unknown.

    Example:

    >>> segmenter_from_run("runs/d3net_segmentation/tiny", changes={"flip": True}).export("tiny_flipped")
    """
    import keras

    # Loading a checkpoint looks its layers up by name; these imports register them.
    import keras_d3.blocks
    import keras_d3.layers
    import keras_d3.models  # noqa: F401

    check_choice("checkpoint", checkpoint, CHECKPOINTS)
    run_dir = Path(run_dir)
    values = read_json(run_dir / "config.json", "run config", MADE_BY)
    data = values.get("data") if isinstance(values, dict) else None
    if not isinstance(data, dict) or data.get("kind") != "images":
        raise ValueError(f"The run `{run_dir}` must be one on images. Its config has no data of that kind.")
    settings = {**values.get("segmentation", {}), **(changes or {})}
    settings["normalization"] = data["normalization"]
    settings["label_set"] = label_set_of(data["classes"])
    file = run_dir / "checkpoints" / f"{checkpoint}.keras"
    if not file.is_file():
        raise FileNotFoundError(f"No checkpoint at `{file}`. It is made by `{MADE_BY}`.")
    network = keras.saving.load_model(file, compile=False)
    config = from_dict(SegmenterConfig, settings, f"{run_dir / 'config.json'}.segmentation")
    return Segmenter(network, config, metadata={"recipe": values})


def label_set_of(classes):
    """Returns the data set's own classes and colours where the names are theirs, else VOC's colours."""
    classes = tuple(classes)
    own = next((labels for labels in LABEL_SETS.values() if labels.names == classes), None)
    return own or LabelSet(classes, voc_palette(len(classes)))
