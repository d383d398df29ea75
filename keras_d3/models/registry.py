"""All networks and their presets by name, and the one function that builds a network from a name."""

from keras_d3.models.d3net.d3net import D3Net
from keras_d3.models.d3net_segmentation.d3net_segmentation import D3NetSegmentation
from keras_d3.models.d3net_segmentation.densenet_segmentation import DenseNetSegmentation
from keras_d3.models.deeplab_v2.deeplab_v2 import DeepLabV2
from keras_d3.models.dilated_resnet_fcn.dilated_resnet_fcn import DilatedResNetFCN
from keras_d3.models.dilated_u_net.dilated_u_net import DilatedDenseUNet, DilatedUNet
from keras_d3.models.mm_dense_net.mm_dense_net import MMDenseNet
from keras_d3.models.spectrogram_u_net.spectrogram_u_net import SpectrogramUNet
from keras_d3.models.wave_u_net.wave_u_net import WaveUNet
from keras_d3.presets import preset_named

# A new family is added here and to `keras_d3.presets`.
NETWORKS = (
    WaveUNet,
    SpectrogramUNet,
    DilatedUNet,
    DilatedDenseUNet,
    MMDenseNet,
    D3Net,
    D3NetSegmentation,
    DenseNetSegmentation,
    DilatedResNetFCN,
    DeepLabV2,
)


def presets():
    """Returns every preset by name, in the order of the networks.

    Returns:
        dict of `name -> Preset`, a new one at each call.
    """
    return {name: preset for network in NETWORKS for name, preset in network.presets.items()}


def find_preset(name):
    """Returns the preset called `name`.

    Args:
        name: string, one of `presets()`.

    Returns:
        `Preset`.

    Raises:
        ValueError: no preset has that name; the message lists close names and all names.
    """
    return preset_named(name, presets())


def build(name, tiny=False, **overrides):
    """Builds the network of a preset.

    Args:
        name: string, one of `presets()`.
        tiny: bool, whether to take the preset's small sibling: the same network with few filters
            and short inputs, for tests and demos.
        **overrides: arguments that replace the preset's, applied after `tiny`.

    Returns:
        The network, an instance of the preset's class with the preset's name.

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
