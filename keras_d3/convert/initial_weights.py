"""Weights that a new network starts from: published ones, or those of an earlier run."""

import logging
from pathlib import Path

from keras_d3.convert.d3net_segmentation import d3net_segmentation_from_official
from keras_d3.convert.deeplab_v2 import load_official_encoder
from keras_d3.convert.imagenet_encoder import load_imagenet_encoder
from keras_d3.convert.readers.tensorflow_checkpoint import checkpoint_files, is_checkpoint
from keras_d3.models import load_network
from keras_d3.utils import sha256_of_file

logger = logging.getLogger(__name__)

IMAGENET = "imagenet"


class InitialWeights:
    """Where a new network of a run takes its weights from.

    Args:
        source: path of a `.keras` file of a network with layers of the same names (the checkpoint of an
            earlier run); for D3Net the authors' NNabla `.h5`, backbone or whole network; for DeepLabv2 a
            TensorFlow checkpoint of divelab/dilated or of MS-COCO (path without `.index`, or a file of
            the first format), whose encoder is taken; a file of `keras.applications.ResNet101`'s weights
            (HDF5); or "imagenet", which Keras downloads.
        preset: string, name of the run's preset.

    Attributes:
        description: dict for the run directory: the file's name and its SHA-256; that of a checkpoint is of
            its `.data` files, one after the other.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: nothing of that kind is known for the preset.
    """

    def __init__(self, source, preset):
        self._source = str(source)
        self._family = next((family for family in FAMILIES if preset.startswith(family)), None)
        is_download = self._source == IMAGENET and self._family == "deeplab_v2"
        is_there = Path(self._source).is_file() or (self._family == "deeplab_v2" and is_checkpoint(source))
        if not is_download and not is_there:
            raise FileNotFoundError(f"No file of weights at `{self._source}`.")
        if not self._source.endswith(".keras") and self._family is None:
            raise ValueError(
                f"`initial_weights` of {preset!r} must be a `.keras` file, for instance RUN/checkpoints/"
                f"last.keras of an earlier run. Received: {self._source!r}."
            )
        self._preset = preset
        checksum = None if is_download else sha256_of_file(*_files(self._source))
        self.description = {"source": Path(self._source).name, "sha256": checksum}

    def apply(self, model):
        """Sets the weights of a new network in place; the logger says what stays fresh.

        Raises:
            ValueError: the file does not fit the network, or is damaged.
        """
        if self._source.endswith(".keras"):
            copy_weights(load_network(self._source), model)
        else:
            FAMILIES[self._family](self._source, self._preset, model)


def copy_weights(source, model):
    """Copies weights between networks where path and shape are the same, batch statistics included.

    Args:
        source: `keras.Model` whose weights are copied.
        model: `keras.Model` that is changed in place.

    Returns:
        List of strings, paths of the weights that stay as they are.

    Raises:
        ValueError: no weight fits.
    """
    theirs = {weight.path: weight for weight in source.weights}
    left = []
    for weight in model.weights:
        value = theirs.get(weight.path)
        if value is None or value.shape != weight.shape:
            left.append(weight.path)
        else:
            weight.assign(value)
    if len(left) == len(model.weights):
        raise ValueError(
            f"`initial_weights` must have layers like those of {model.name!r}, {model.weights[0].path} and "
            f"so on. Received: {source.name!r} with {', '.join(list(theirs)[:3])}, ..."
        )
    if left:
        logger.warning("%d of %d weights start fresh: %s.", len(left), len(model.weights), ", ".join(left))
    return left


def _from_d3net_authors(source, preset, model):
    size = "L" if preset.startswith("d3net_segmentation_l") else "S"
    copy_weights(d3net_segmentation_from_official(size, source), model)


def _from_a_resnet(source, preset, model):
    if source == IMAGENET or _is_hdf5(source):
        load_imagenet_encoder(model, source)
    else:
        load_official_encoder(model, source)


def _is_hdf5(source):
    path = Path(source)
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _files(source):
    return [source] if Path(source).is_file() else checkpoint_files(source)


# Readers of files other than Keras' own, by the beginning of the preset's name.
FAMILIES = {"d3net_segmentation": _from_d3net_authors, "deeplab_v2": _from_a_resnet}
