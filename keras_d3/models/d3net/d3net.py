"""D3Net for music source separation: D3 blocks in a multi-scale, multi-band network."""

import dataclasses

import keras

from keras_d3.blocks import D2Block, D3Block
from keras_d3.models.multi_band.network import MultiBandArguments, MultiBandNetwork
from keras_d3.presets import D3NET_MUSIC_PRESETS


@dataclasses.dataclass(frozen=True, kw_only=True)
class D3NetArguments(MultiBandArguments):
    """Arguments of `D3Net`: those of `MultiBandArguments`, and the D3 blocks'.

    Args:
        dilation: `"multidilated"`, or the paper's ablations `"standard"` and `"none"`.
        final_dilation: the same for the final block, or None for `dilation`. The official code
            keeps the final block multidilated when it switches the dilation off elsewhere.
        connection, norm, output_layers, bottleneck_filters: see `keras_d3.blocks.D3Block`.

    Raises:
        ValueError: an argument breaks its rule.
    """

    dilation: str = "multidilated"
    final_dilation: str | None = None
    connection: str = "split_sum"
    norm: str = "source"
    output_layers: int | str = 1
    bottleneck_filters: int | None = None
    kernel_initializer: object = "keras_d3>NNablaGlorotNormal"
    upsample_initializer: object = "keras_d3>NNablaGlorotUniform"


@keras.saving.register_keras_serializable("keras_d3")
class D3Net(MultiBandNetwork):
    """D3Net for one target: mixture magnitudes in, target magnitudes out.

    Section 6.2 and table 5 of Takahashi and Mitsufuji, "Densely connected multi-dilated
    convolutional networks for dense prediction tasks", CVPR 2021
    (https://arxiv.org/abs/2011.11844), and the official code (sony/ai-research-code,
    `d3net/music-source-separation`). The defaults compute the official code's function:

    - D2 blocks normalize once per source and give a bias to every partial convolution (`norm`);
    - D3 blocks sum groups of maps instead of concatenating (`connection`);
    - the transition to a lower scale is a pooling alone (`transition_compression`);
    - the head's convolutions are 1x1, and every bin has a scale and a bias at input and output;
    - convolutions start from an untruncated normal distribution with NNabla's reading of Glorot's
      variance, transposed ones from the uniform one (`keras_d3.layers.NNablaGlorotNormal`, which
      says how Keras' "glorot_normal" differs). The paper leaves the initialization open.

    Args:
        **arguments: keyword arguments, the fields of `D3NetArguments`. `bands`, `full_band` and
            `final_block` have no default.
        name, trainable, dtype: see `Network`.

    Input: float32 `(batch, frames, num_bins, num_channels)`, magnitudes. Output: the same shape.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import D3Net
    >>> model = D3Net.from_preset("d3net_vocals", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, 513, 2)
    """

    arguments_class = D3NetArguments
    presets = D3NET_MUSIC_PRESETS

    def make_block(self, growth_rate, num_layers, num_blocks, kernel_size, name):
        return D3Block(
            growth_rate,
            num_layers,
            num_blocks,
            kernel_size,
            connection=self.arguments.connection,
            dilation=self.arguments.dilation,
            output_layers=self.arguments.output_layers,
            name=name,
            **self._shared_arguments(),
        )

    def make_final_block(self, final_block):
        return D2Block(
            final_block.growth_rate,
            final_block.num_layers,
            final_block.kernel_size,
            dilation=self.arguments.final_dilation or self.arguments.dilation,
            name="final_block",
            **self._shared_arguments(),
        )

    def _shared_arguments(self):
        names = (
            "norm", "bottleneck_filters", "norm_epsilon", "norm_momentum", "kernel_initializer"
        )  # fmt: skip
        return {name: getattr(self.arguments, name) for name in names}
