"""All presets by name, and the one function that builds a network from a name."""

import difflib

from keras_d3.models.d3net.d3net_presets import PRESETS as D3NET_MUSIC_PRESETS
from keras_d3.models.d3net_segmentation.d3net_segmentation_presets import (
    PRESETS as D3NET_SEGMENTATION_PRESETS,
)
from keras_d3.models.deeplab_v2.deeplab_v2_presets import PRESETS as DEEPLAB_V2_PRESETS
from keras_d3.models.dilated_u_net.dilated_u_net_presets import PRESETS as DILATED_U_NET_PRESETS
from keras_d3.models.mm_dense_net.mm_dense_net_presets import PRESETS as MM_DENSE_NET_PRESETS
from keras_d3.models.spectrogram_u_net.spectrogram_u_net_presets import (
    PRESETS as SPECTROGRAM_U_NET_PRESETS,
)
from keras_d3.models.wave_u_net.wave_u_net_presets import PRESETS as WAVE_U_NET_PRESETS

# One line per family: import its PRESETS and add it to FAMILIES below.
FAMILIES = (
    WAVE_U_NET_PRESETS,
    SPECTROGRAM_U_NET_PRESETS,
    DILATED_U_NET_PRESETS,
    MM_DENSE_NET_PRESETS,
    D3NET_MUSIC_PRESETS,
    D3NET_SEGMENTATION_PRESETS,
    DEEPLAB_V2_PRESETS,
)


def presets():
    """Returns every preset by name, in the order of the families.

    Returns:
        dict of `name -> Preset`, a new one at each call.
    """
    return {preset.name: preset for family in FAMILIES for preset in family}


def find_preset(name):
    """Returns the preset called `name`.

    Raises:
        ValueError: no preset has that name; the message lists close names and all names.
    """
    known = presets()
    if name not in known:
        close = difflib.get_close_matches(str(name), known, n=3)
        meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"`name` must be the name of a preset. Received: name={name!r}.{meant} "
            f"Known presets: {', '.join(known)}."
        )
    return known[name]


def build(name, tiny=False, **overrides):
    """Builds the network of a preset.

    Args:
        name: string, one of `presets()`.
        tiny: bool, whether to take the preset's small sibling: the same network with few filters
            and short inputs, for tests and demos.
        **overrides: builder arguments that replace the preset's, applied after `tiny`.

    Returns:
        `keras.Model` (functional) with the preset's name.

    Raises:
        ValueError: unknown `name` or unknown override; the message lists the known ones.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("wave_u_net_m1", tiny=True)
    >>> model.name
    'wave_u_net_m1'
    """
    return find_preset(name).build(tiny=tiny, **overrides)


def preset_for(config):
    """Returns the preset of a run, with the target filled in.

    A target that the paper has no configuration for (a guitar, say) gets the one for "other".

    Args:
        config: `keras_d3.settings.RunConfig` of one network.

    Returns:
        `Preset`.

    Raises:
        ValueError: no preset has that name.
    """
    name = config.preset.format(target=config.target)
    return find_preset(name if name in presets() else config.preset.format(target="other"))


def receptive_field(name, tiny=False, **overrides):
    """Returns the theoretical receptive field of a preset's network.

    It counts the input positions that can reach one output value through kernels, dilations and
    resampling, however small their weight; padding at the borders is not subtracted, so it may
    exceed the input's length.

    Args:
        name: string, one of `presets()`.
        tiny: bool, whether to take the preset's small sibling.
        **overrides: builder arguments that replace the preset's.

    Returns:
        int, samples for a waveform network, frames for a spectrogram network; None where the
        preset does not state how to compute it.

    Raises:
        ValueError: unknown `name` or unknown override.
    """
    preset = find_preset(name)
    arguments = preset.merged_arguments(tiny=tiny, **overrides)
    return None if preset.receptive_field is None else preset.receptive_field(arguments)
