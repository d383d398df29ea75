import re

import keras
import pytest

from keras_d3 import models
from keras_d3.models import Preset


def builder(filters=2, kernel_size=3, name="net"):
    inputs = keras.Input((8, 1))
    return keras.Model(inputs, keras.layers.Conv1D(filters, kernel_size)(inputs), name=name)


def preset(**changes):
    fields = dict(
        name="net",
        paper="none",
        parameters=8,
        task="waveform",
        builder=builder,
        arguments={"filters": 4},
        tiny={"filters": 1},
        receptive_field=lambda arguments: arguments["kernel_size"],
    )
    return Preset(**{**fields, **changes})


def test_arguments_are_merged_in_order():
    assert preset().merged_arguments() == {"filters": 4, "kernel_size": 3, "name": "net"}
    assert preset().merged_arguments(tiny=True)["filters"] == 1
    assert preset().merged_arguments(tiny=True, filters=7)["filters"] == 7
    assert preset().build(filters=7).output_shape[-1] == 7
    assert preset().build().name == "net"


def test_unknown_arguments_are_refused():
    with pytest.raises(
        ValueError, match="Unknown argument of preset 'net': size. Known arguments: filters, k"
    ):
        preset().build(size=3)
    with pytest.raises(ValueError, match="Unknown argument of preset 'net': filter"):
        preset(arguments={"filter": 4})
    with pytest.raises(ValueError, match="Unknown argument of preset 'net': name"):
        preset().build(name="other")
    with pytest.raises(ValueError, match="`task` must be one of 'waveform', .* Received: task='audio'"):
        preset(task="audio")


def test_presets_are_filed_under_their_names():
    presets = models.presets()
    assert all(name == preset.name for name, preset in presets.items())
    assert len(presets) == sum(len(family) for family in models.registry.FAMILIES)
    for item in presets.values():
        assert item.paper and item.description and item.parameters > 0
        assert re.fullmatch("[a-z0-9_]+", item.name)
        if item.task != "segmentation":
            assert item.sample_rate_hz


def test_unknown_names_are_answered_with_close_ones():
    with pytest.raises(ValueError, match="Did you mean 'wave_u_net_m.*Known presets: wave_u_net_m1, "):
        models.build("wave_u_net_m")
    with pytest.raises(ValueError, match="Unknown argument of preset 'wave_u_net_m1': depth. Known"):
        models.build("wave_u_net_m1", depth=3)


def test_receptive_field_takes_overrides():
    whole = models.receptive_field("wave_u_net_m1")
    assert whole > models.receptive_field("wave_u_net_m1", tiny=True)
    assert whole > models.receptive_field("wave_u_net_m1", num_levels=3)
