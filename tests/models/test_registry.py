import dataclasses
import re

import keras
import pytest

from keras_d3 import models
from keras_d3.models import Network, Preset
from keras_d3.presets import listed_presets


@dataclasses.dataclass(frozen=True)
class NetArguments:
    filters: int = 2
    kernel_size: int = 3


class Net(Network):
    arguments_class = NetArguments

    def connect(self):
        inputs = keras.Input((8, 1))
        return inputs, keras.layers.Conv1D(self.arguments.filters, self.arguments.kernel_size)(inputs)


def preset(**changes):
    fields = dict(
        name="net",
        paper="none",
        parameters=8,
        task="waveform",
        network=Net,
        arguments={"filters": 4},
        tiny={"filters": 1},
    )
    return Preset(**{**fields, **changes})


def test_arguments_are_merged_in_order():
    assert preset().merged_arguments() == {"filters": 4, "kernel_size": 3}
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
    assert len(presets) == sum(len(network.presets) for network in models.registry.NETWORKS)
    # What is listed without Keras are these presets, in this order.
    listed = listed_presets()
    assert list(listed) == list(presets)
    for item in presets.values():
        assert dataclasses.replace(listed[item.name], network=item.network).__dict__ == item.__dict__
        assert item.paper and item.description and item.parameters > 0
        assert re.fullmatch("[a-z0-9_]+", item.name)
        if item.task != "segmentation":
            assert item.sample_rate_hz


def test_unknown_names_are_answered_with_close_ones():
    with pytest.raises(ValueError, match="Did you mean 'wave_u_net_m.*Known presets: wave_u_net_m1, "):
        models.build("wave_u_net_m")
    with pytest.raises(ValueError, match="Unknown argument of preset 'wave_u_net_m1': depth. Known"):
        models.build("wave_u_net_m1", depth=3)
