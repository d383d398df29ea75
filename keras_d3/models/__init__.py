"""Networks as Keras models, and their named configurations."""

from keras_d3.models.architecture import architecture_of
from keras_d3.models.d3net.d3net import D3Net
from keras_d3.models.d3net_segmentation.d3net_segmentation import D3NetSegmentation
from keras_d3.models.d3net_segmentation.densenet_segmentation import DenseNetSegmentation
from keras_d3.models.deeplab_v2.deeplab_v2 import DeepLabV2
from keras_d3.models.dilated_resnet_fcn.dilated_resnet_fcn import DilatedResNetFCN
from keras_d3.models.dilated_u_net.dilated_u_net import DilatedDenseUNet, DilatedUNet
from keras_d3.models.folding import fold_batch_norm
from keras_d3.models.input_statistics import set_input_statistics
from keras_d3.models.mm_dense_net.mm_dense_net import MMDenseNet
from keras_d3.models.multi_band.network import MultiBandNetwork
from keras_d3.models.network import Network
from keras_d3.models.registry import build, find_preset, preset_for, presets
from keras_d3.models.saved_network import load_network
from keras_d3.models.spectrogram_u_net.spectrogram_u_net import SpectrogramUNet
from keras_d3.models.wave_u_net.wave_u_net import WaveUNet, wave_u_net_lengths
from keras_d3.presets import Preset

__all__ = [
    "D3Net",
    "D3NetSegmentation",
    "DeepLabV2",
    "DenseNetSegmentation",
    "DilatedDenseUNet",
    "DilatedResNetFCN",
    "DilatedUNet",
    "MMDenseNet",
    "MultiBandNetwork",
    "Network",
    "Preset",
    "SpectrogramUNet",
    "WaveUNet",
    "architecture_of",
    "build",
    "find_preset",
    "fold_batch_norm",
    "load_network",
    "preset_for",
    "presets",
    "set_input_statistics",
    "wave_u_net_lengths",
]
