"""Multi-scale, multi-band dense network on spectrograms: the frame that MMDenseNet and D3Net share."""

import dataclasses

import keras

from keras_d3.layers import BatchNormalization, CropLike, PadToMultiple, PerBinAffine
from keras_d3.models.multi_band.band import Band, FinalBlock, check_bands, to_final_block
from keras_d3.models.multi_band.band_unet import BandUNet, bins_of
from keras_d3.models.network import Network, precise_dtype, set_fields
from keras_d3.utils import check_choice, check_compression, check_int_tuple, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultiBandArguments:
    """Arguments of the multi-band networks.

    Args:
        bands: sequence of `Band`s or dicts of their arguments, from bin 0 upwards, or `()`.
        full_band: `Band` or dict for the network over all modeled bins, or None.
        final_block: `FinalBlock`, or dict with `growth_rate`, `num_layers` and optionally `kernel_size`: the
            dense block after the merge; or None.
        num_bins: int, bins of the spectrogram.
        num_channels: int, audio channels.
        num_frames: int, or None for spectrograms of any length.
        pooling: `"average"` or `"max"`.
        transition_compression: None for the pooling alone (official D3Net code), or a number in (0, 1]: batch
            normalization, ReLU and a 1x1 convolution to that share of the maps before the pooling
            (0.5 in the D3Net paper; its bias is a guess).
        upsample_norm: bool, whether a batch normalization precedes the transposed convolutions.
        pad_mode: padding of an odd number of bins before a pooling: `"zero_end"`, a bin of zeros at
            the end, or `"replicate_start"`, a copy of the first bin before it.
        band_match: how a band with fewer maps than the widest gets as many: `"conv"`, by batch
            normalization and a 1x1 convolution (official D3Net code), or `"last_block"`, because its
            last dense block has the widest one's growth rate.
        head: `"gated"`: batch normalization, then sigmoid(convolution) x convolution; `"conv"`: one
            convolution.
        head_kernel_size: int or (frames, bins): 1 in the official D3Net code, 3 in the paper.
        input_affine: bool, whether the input gets an offset and a scale per bin.
        output_affine: bool, whether the output has scales and biases per bin; both start at 1, as in the
            official D3Net code.
        unmodeled_bins: `"mixture"` (official D3Net code) or `"zeros"`, the output above the bands.
        norm_epsilon: float, epsilon of all batch normalizations.
        norm_momentum: float, momentum of all batch normalizations.
        kernel_initializer: Keras initializer of all kernels but those of transposed convolutions.
        upsample_initializer: Keras initializer of the transposed convolutions' kernels.

    Raises:
        ValueError: an argument breaks its rule, or the bands do not fit into `num_bins`.
    """

    bands: tuple
    full_band: Band | dict | None
    final_block: FinalBlock | dict | None
    num_bins: int = 2049
    num_channels: int = 2
    num_frames: int | None = None
    pooling: str = "average"
    transition_compression: float | None = None
    upsample_norm: bool = True
    pad_mode: str = "zero_end"
    band_match: str = "conv"
    head: str = "gated"
    head_kernel_size: int | tuple = 1
    input_affine: bool = True
    output_affine: bool = True
    unmodeled_bins: str = "mixture"
    norm_epsilon: float = 1e-5
    norm_momentum: float = 0.9
    kernel_initializer: object = "glorot_normal"
    upsample_initializer: object = "glorot_uniform"

    def __post_init__(self):
        check_positive_int("num_bins", self.num_bins)
        check_positive_int("num_channels", self.num_channels)
        check_choice("pooling", self.pooling, ("average", "max"))
        check_choice("pad_mode", self.pad_mode, ("zero_end", "replicate_start"))
        check_choice("band_match", self.band_match, ("conv", "last_block"))
        check_choice("head", self.head, ("gated", "conv"))
        check_choice("unmodeled_bins", self.unmodeled_bins, ("mixture", "zeros"))
        check_compression("transition_compression", self.transition_compression)
        bands, full_band = check_bands(self.bands, self.full_band, self.num_bins)
        set_fields(
            self,
            bands=bands,
            full_band=full_band,
            final_block=to_final_block(self.final_block),
            head_kernel_size=check_int_tuple("head_kernel_size", self.head_kernel_size, 2),
        )

    @property
    def num_modeled_bins(self):
        """int, number of bins that the bands, or else the full band, cover."""
        if self.bands:
            return sum(band.num_bins for band in self.bands)
        return self.num_bins if self.full_band.num_bins is None else self.full_band.num_bins

    @property
    def frame_multiple(self):
        """int, the number of frames is padded to a multiple of this."""
        return 2 ** max(band.num_poolings for band in (*self.bands, self.full_band) if band is not None)


class MultiBandNetwork(Network):
    """Base class of networks from a mixture's magnitudes to one target's magnitudes.

    1. (x - offset) / scale per bin (`input_affine`);
    2. a U-Net of dense blocks per band, and one over all modeled bins (`full_band`);
    3. bands narrower (in maps) than the widest brought to its width (`band_match`); then
       concatenation along the bins, and with the full-band maps along the channels;
    4. a final dense block; 5. the head; 6. scale and bias per bin (`output_affine`), ReLU;
    7. the bins above the bands copied from the mixture.

    The order is that of the official D3Net code (sony/ai-research-code,
    `d3net/music-source-separation/model.py`); the papers draw 2 to 5 only. The estimate is a
    magnitude, not a mask. Frames are padded with silence to a multiple of the poolings and cropped
    again; input and output stages compute in float32 under mixed precision.

    Subclasses define the dense blocks: `make_block` and `make_final_block`.

    Input: float32 `(batch, frames, num_bins, num_channels)`; output: the same shape.
    """

    arguments_class = MultiBandArguments

    def make_block(self, growth_rate, num_layers, num_blocks, kernel_size, name):
        """Returns a dense block of a band as a layer.

        Args:
            growth_rate: int, maps per layer.
            num_layers: int, layers per block.
            num_blocks: int, nested blocks.
            kernel_size: (frames, bins).
            name: string, name of the layer.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `make_block`.")

    def make_final_block(self, final_block):
        """Returns the dense block after the merge as a layer, for a `FinalBlock`."""
        raise NotImplementedError(f"{type(self).__name__} must define `make_final_block`.")

    def make_conv(self, filters, kernel_size, name, **kwargs):
        """Returns a convolution with padding and the network's initializer."""
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            kernel_initializer=self.arguments.kernel_initializer,
            name=name,
            **kwargs,
        )

    def make_norm(self, name, dtype=None):
        """Returns a batch normalization with the network's constants."""
        momentum, epsilon = self.arguments.norm_momentum, self.arguments.norm_epsilon
        return BatchNormalization(momentum=momentum, epsilon=epsilon, name=name, dtype=dtype)

    def connect(self):
        arguments = self.arguments
        # The first layer to be made draws the first seed: moved, it would change the initial weights.
        final_block = arguments.final_block and self.make_final_block(arguments.final_block)
        mixture = keras.Input(
            (arguments.num_frames, arguments.num_bins, arguments.num_channels), name="mixture"
        )
        padded = self._pad_frames(mixture)
        x = padded
        if arguments.input_affine:
            x = PerBinAffine("standardize", name="input_affine", dtype=precise_dtype())(x)
        x = self._merge(self._bands(x) + self._full_band(x))
        if final_block is not None:
            x = final_block(x)
        x = self._head(x)
        x = self._all_bins(x, padded)
        if padded is not mixture:
            x = CropLike(name="crop_frames", dtype=precise_dtype())([x, mixture])
        return mixture, x

    def _pad_frames(self, mixture):
        num_frames, multiple = self.arguments.num_frames, self.arguments.frame_multiple
        if num_frames is not None and num_frames % multiple == 0:
            return mixture
        return PadToMultiple(multiple, name="pad_frames", dtype=precise_dtype())(mixture)

    def _bands(self, x):
        """Returns a list of the bands' maps side by side; an empty one without bands."""
        bands, start, outputs = self._bands_of_matching_blocks(), 0, []
        for band in bands:
            stop = start + band.num_bins
            outputs.append(BandUNet(self, band)(bins_of(x, start, stop, f"{band.name}_bins")))
            start = stop
        widest = max((maps.shape[-1] for maps in outputs), default=0)
        for index, (band, maps) in enumerate(zip(bands, outputs, strict=True)):
            if maps.shape[-1] < widest:
                maps = self.make_norm(f"{band.name}_match_norm")(maps)
                outputs[index] = self.make_conv(widest, 1, f"{band.name}_match_conv")(maps)
        return [keras.layers.Concatenate(axis=2, name="bands")(outputs)] if len(outputs) > 1 else outputs

    def _bands_of_matching_blocks(self):
        """Returns the bands, with `band_match="last_block"` all with the widest last block."""
        bands = self.arguments.bands
        if self.arguments.band_match == "conv":
            return bands
        widest = max((band.output_maps for band in bands), default=0)
        return tuple(
            dataclasses.replace(band, blocks=(*band.blocks[:-1], (widest, *band.blocks[-1][1:])))
            for band in bands
        )

    def _full_band(self, x):
        band = self.arguments.full_band
        if band is None:
            return []
        return [BandUNet(self, band)(bins_of(x, 0, self.arguments.num_modeled_bins, f"{band.name}_bins"))]

    def _merge(self, maps):
        return maps[0] if len(maps) == 1 else keras.layers.Concatenate(name="merge")(maps)

    def _head(self, x):
        arguments, dtype = self.arguments, precise_dtype()
        channels, kernel_size = arguments.num_channels, arguments.head_kernel_size
        if arguments.head == "gated":
            x = self.make_norm("head_norm", dtype=dtype)(x)
            gate = self.make_conv(channels, kernel_size, "head_gate", activation="sigmoid", dtype=dtype)(x)
            value = self.make_conv(channels, kernel_size, "head_value", dtype=dtype)(x)
            x = keras.layers.Multiply(name="head", dtype=dtype)([gate, value])
        else:
            x = self.make_conv(channels, kernel_size, "head", dtype=dtype)(x)
        if arguments.output_affine:
            x = PerBinAffine("scale", offset_initializer="ones", name="output_affine", dtype=dtype)(x)
        return keras.layers.ReLU(name="rectify", dtype=dtype)(x)

    def _all_bins(self, x, padded):
        """Adds the bins above the bands."""
        arguments, dtype = self.arguments, precise_dtype()
        modeled, num_bins = arguments.num_modeled_bins, arguments.num_bins
        if modeled == num_bins:
            return x
        if arguments.unmodeled_bins == "mixture":
            rest = bins_of(padded, modeled, num_bins, "unmodeled_bins", dtype=dtype)
            return keras.layers.Concatenate(axis=2, name="all_bins", dtype=dtype)([x, rest])
        padding = ((0, 0), (0, num_bins - modeled))
        return keras.layers.ZeroPadding2D(padding, "channels_last", name="all_bins", dtype=dtype)(x)
