"""All presets by name, without the networks that they configure."""

import difflib

from keras_d3.presets.d3net_presets import D3NET_MUSIC_PRESETS
from keras_d3.presets.d3net_segmentation_presets import (
    D3NET_SEGMENTATION_PRESETS,
    DENSENET_SEGMENTATION_PRESETS,
)
from keras_d3.presets.deeplab_v2_presets import DEEPLAB_V2_PRESETS
from keras_d3.presets.dilated_resnet_fcn_presets import DILATED_RESNET_FCN_PRESETS
from keras_d3.presets.dilated_u_net_presets import DILATED_DENSE_U_NET_PRESETS, DILATED_U_NET_PRESETS
from keras_d3.presets.mm_dense_net_presets import MM_DENSE_NET_PRESETS
from keras_d3.presets.spectrogram_u_net_presets import SPECTROGRAM_U_NET_PRESETS
from keras_d3.presets.wave_u_net_presets import WAVE_U_NET_PRESETS

# One per network, in the order in which they are listed.
_FAMILIES = (
    WAVE_U_NET_PRESETS,
    SPECTROGRAM_U_NET_PRESETS,
    DILATED_U_NET_PRESETS,
    DILATED_DENSE_U_NET_PRESETS,
    MM_DENSE_NET_PRESETS,
    D3NET_MUSIC_PRESETS,
    D3NET_SEGMENTATION_PRESETS,
    DENSENET_SEGMENTATION_PRESETS,
    DILATED_RESNET_FCN_PRESETS,
    DEEPLAB_V2_PRESETS,
)


def listed_presets():
    """Returns every preset by name, for lists: none of them has a `network`, so none can be built.

    `keras_d3.models.presets` has the same ones with their networks, and needs Keras.

    Returns:
        dict of `name -> Preset`, a new one at each call.

    Example:

    >>> listed_presets()["wave_u_net_m1"].task
    'waveform'
    """
    return {name: preset for family in _FAMILIES for name, preset in family.items()}


def preset_named(name, presets):
    """Returns the preset called `name`.

    Args:
        name: string, one of `presets`.
        presets: dict of `name -> Preset`.

    Returns:
        `Preset`.

    Raises:
        ValueError: no preset has that name; the message lists close names and all names.
    """
    if name not in presets:
        close = difflib.get_close_matches(str(name), presets, n=3)
        meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"`name` must be the name of a preset. Received: name={name!r}.{meant} "
            f"Known presets: {', '.join(presets)}."
        )
    return presets[name]
