"""MDenseNet and MMDenseNet: multi-scale, multi-band dense networks without dilation."""

import dataclasses

import keras

from keras_d3.blocks import DenseBlock
from keras_d3.models.multi_band.band import to_band, to_bands
from keras_d3.models.multi_band.network import MultiBandArguments, MultiBandNetwork
from keras_d3.models.network import set_fields
from keras_d3.presets import MM_DENSE_NET_PRESETS
from keras_d3.utils import check_int_tuple, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MMDenseNetArguments(MultiBandArguments):
    """Arguments of `MMDenseNet`: those of `MultiBandArguments`, the dense blocks', and changes of the bands.

    Args:
        kernel_size: int or (frames, bins) of all dense layers of all bands, in place of the bands'
            own; None leaves these. First convolutions and the final block keep theirs.
        band_bins: sequence of ints, widths of the bands in bins, in place of their own, or None.
        full_band_bottleneck_layers: int, layers of the full band's deepest block, in place of its own, or
            None.
        norm, use_bias, dropout, output_layers: see `keras_d3.blocks.DenseBlock`.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_bins: int = 1025
    kernel_size: int | tuple | None = None
    band_bins: tuple | None = None
    full_band_bottleneck_layers: int | None = None
    norm: str = "source"
    use_bias: bool = True
    dropout: float = 0.0
    output_layers: int | str = 1

    def __post_init__(self):
        full_band = None if self.full_band is None else to_band(self.full_band, "full")
        set_fields(self, bands=to_bands(self.bands), full_band=full_band)
        self._override_bands()
        super().__post_init__()

    def _override_bands(self):
        if self.band_bins is not None:
            widths = self._checked_band_bins()
            bands = zip(self.bands, widths, strict=True)
            set_fields(self, bands=tuple(dataclasses.replace(band, num_bins=width) for band, width in bands))
        if self.kernel_size is not None:
            change = {"kernel_size": check_int_tuple("kernel_size", self.kernel_size, 2)}
            set_fields(self, bands=tuple(dataclasses.replace(band, **change) for band in self.bands))
            if self.full_band is not None:
                set_fields(self, full_band=dataclasses.replace(self.full_band, **change))
        if self.full_band_bottleneck_layers is not None:
            set_fields(self, full_band=self._full_band_of_other_depth())

    def _checked_band_bins(self):
        if not isinstance(self.band_bins, (tuple, list)) or len(self.band_bins) != len(self.bands):
            raise ValueError(
                f"`band_bins` must hold one width per band, {len(self.bands)} of them, or be None. "
                f"Received: band_bins={self.band_bins!r}."
            )
        return [check_positive_int("band_bins", width) for width in self.band_bins]

    def _full_band_of_other_depth(self):
        num_layers = check_positive_int("full_band_bottleneck_layers", self.full_band_bottleneck_layers)
        if self.full_band is None:
            raise ValueError(
                "`full_band_bottleneck_layers` must be None where there is no full band. "
                f"Received: full_band_bottleneck_layers={num_layers}, full_band=None."
            )
        blocks = list(self.full_band.blocks)
        middle = len(blocks) // 2
        blocks[middle] = (blocks[middle][0], num_layers, *blocks[middle][2:])
        return dataclasses.replace(self.full_band, blocks=tuple(blocks))


@keras.saving.register_keras_serializable("keras_d3")
class MMDenseNet(MultiBandNetwork):
    """MDenseNet (no bands) or MMDenseNet (bands and full band) for one target.

    Takahashi and Mitsufuji, "Multi-scale multi-band DenseNets for audio source separation", WASPAA
    2017 (https://arxiv.org/abs/1706.09588). The paper's tables were not at hand: every default is a
    reading of its text and of public re-implementations (tky823/DNN-based_source_separation above
    all), and where these disagree the choice is an argument:

    - `kernel_size`: None, so 4 bins x 3 frames in the presets' low and full band and 3x3 in the high
      one; elsewhere 3x3 in every dense layer and 4x3 in the first convolution only (3);
    - `output_layers`: 1, the last layer's maps; `"all"` gives far more parameters than published;
    - `pooling`: `"average"`; elsewhere the maximum, alone or after a 1x1 convolution
      (`transition_compression=1`);
    - `upsample_norm`: True, a normalization before the transposed convolution; elsewhere none;
    - `band_match`: `"conv"`, the high band's 10 maps to the low one's 16; elsewhere `"last_block"`;
    - `full_band_bottleneck_layers`: None, so 4 in the presets' full band; elsewhere 2;
    - `final_block`: 2 layers of 4 maps, kernel 2 bins x 1 frame; elsewhere 2 layers of 32 maps, or None;
    - `head`: gated, 1x1, with scale and bias per bin; elsewhere one 1x1 convolution or 1x2
      (`head="conv"`, `head_kernel_size`, `output_affine=False`);
    - `input_affine`: True, offset and scale per bin; elsewhere none;
    - `pad_mode`: `"zero_end"` for odd numbers of bins; elsewhere `"replicate_start"`;
    - `norm`, `use_bias`, `dropout`: a normalization and a bias per source, no dropout; elsewhere a
      normalization per layer (`"layer"`), no biases, dropout 0.1;
    - `norm_epsilon`: 1e-5; elsewhere 1e-12;
    - `num_bins`, `band_bins`: 1,025 bins of 2,048 samples, split by the presets into 512 and 513; a
      later network of this kind in an evaluation campaign had 2,049 bins in three bands.

    Frames are padded with silence once, at the input; a public implementation pads them with zeros
    before each pooling instead, which differs where their number is no multiple of 8.

    Args:
        **arguments: keyword arguments, the fields of `MMDenseNetArguments`. `bands` (`()` for MDenseNet),
            `full_band` and `final_block` have no default.
        name, trainable, dtype: see `Network`.

    Input: float32 `(batch, frames, num_bins, num_channels)`, magnitudes. Output: the same shape.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import MMDenseNet
    >>> model = MMDenseNet.from_preset("mmdensenet", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, 513, 2)
    """

    arguments_class = MMDenseNetArguments
    presets = MM_DENSE_NET_PRESETS

    def make_block(self, growth_rate, num_layers, num_blocks, kernel_size, name):
        if num_blocks != 1:
            raise ValueError(
                "`blocks` of these networks must be (growth_rate, num_layers): their dense blocks are not "
                f"nested. Received: num_blocks={num_blocks} in {name!r}."
            )
        return DenseBlock(
            growth_rate,
            num_layers,
            kernel_size,
            output_layers=self.arguments.output_layers,
            name=name,
            **self._shared_arguments(),
        )

    def make_final_block(self, final_block):
        return DenseBlock(
            final_block.growth_rate,
            final_block.num_layers,
            final_block.kernel_size,
            name="final_block",
            **self._shared_arguments(),
        )

    def _shared_arguments(self):
        names = (
            "norm", "use_bias", "dropout", "norm_epsilon", "norm_momentum", "kernel_initializer"
        )  # fmt: skip
        return {name: getattr(self.arguments, name) for name in names}
