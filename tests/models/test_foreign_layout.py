"""A `keras.json` of another project that asks for channels first changes no network."""

import keras
import pytest

from keras_d3 import models

ONE_PER_FAMILY = (
    "d3net_vocals",
    "mmdensenet",
    "wave_u_net_m1",
    "dilated_u_net",
    "dilated_dense_u_net",
    "unet_spectrogram",
    "d3net_segmentation_s",
    "deeplab_v2_aspp",
)


@pytest.fixture
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


@pytest.mark.parametrize("name", ONE_PER_FAMILY)
def test_every_layer_says_its_layout(name, channels_first):
    model = models.build(name, tiny=True)
    layouts = {layer.name: getattr(layer, "data_format", None) for layer in model._flatten_layers()}
    assert {name for name, layout in layouts.items() if layout == "channels_first"} == set()
    assert "channels_last" in layouts.values()
