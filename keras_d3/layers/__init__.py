"""Keras layers of this package, for any Keras backend; channels last."""

from keras_d3.layers.batch_normalization import BatchNormalization
from keras_d3.layers.center_crop import CenterCrop1D
from keras_d3.layers.crop_like import CropLike
from keras_d3.layers.decimation import Decimation1D
from keras_d3.layers.dilated_conv import DilatedConv1D, DilatedConv2D
from keras_d3.layers.inference_clip import InferenceClip
from keras_d3.layers.initializers import NNablaGlorotNormal, NNablaGlorotUniform
from keras_d3.layers.learned_upsampling import LearnedUpsampling1D
from keras_d3.layers.linear_upsampling import LinearUpsampling1D
from keras_d3.layers.multidilated_conv import MultidilatedConv1D, MultidilatedConv2D
from keras_d3.layers.norm_relu_conv import NormReluConv1D, NormReluConv2D
from keras_d3.layers.pad_to_multiple import PadToMultiple
from keras_d3.layers.per_bin_affine import PerBinAffine
from keras_d3.layers.resize_like import ResizeLike
from keras_d3.layers.smoothed_dilated_conv import (
    IdentitySmoothing,
    SmoothedDilatedConv1D,
    SmoothedDilatedConv2D,
)
from keras_d3.layers.stft import STFT, InverseSTFT

__all__ = [
    "BatchNormalization",
    "CenterCrop1D",
    "CropLike",
    "Decimation1D",
    "DilatedConv1D",
    "DilatedConv2D",
    "IdentitySmoothing",
    "InferenceClip",
    "InverseSTFT",
    "LearnedUpsampling1D",
    "LinearUpsampling1D",
    "MultidilatedConv1D",
    "MultidilatedConv2D",
    "NNablaGlorotNormal",
    "NNablaGlorotUniform",
    "NormReluConv1D",
    "NormReluConv2D",
    "PadToMultiple",
    "PerBinAffine",
    "ResizeLike",
    "STFT",
    "SmoothedDilatedConv1D",
    "SmoothedDilatedConv2D",
]
