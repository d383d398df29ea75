"""The two networks of the Dilated Dense U-Net paper."""

from keras_d3.presets.preset import Preset, by_name

# The rate doubles inside a block, and each block starts at the last rate of the one before.
ADAPTIVE_DILATION_RATES = (
    (1, 2, 4),
    (4, 8, 16),
    (16, 32, 64),
    (64, 128, 256),
    (256, 512, 1024),
    (1024, 2048, 4096),
)
FOUR_SOURCES = ("bass", "drums", "other", "vocals")
_PAPER = (
    "Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, Audio Source Separation via "
    "Multi-Scale Learning with Dilated Dense U-Nets, arXiv:1904.04161, Table 1"
)
_ARGUMENTS = {
    "sources": FOUR_SOURCES,
    "channels": 2,
    "num_samples": 16384,
    "dilation_rates": ADAPTIVE_DILATION_RATES,
    "filters": 15,
    "filters_by": "block",
    "kernel_size": 15,
    "up_kernel_size": 5,
    "bottleneck_kernel_size": 15,
    "bottleneck_dilation_rate": 1,
    "bottleneck_layers": 3,
    "up_dilation_order": "as_listed",
    "input_skip": True,
    "output_kernel_size": 1,
    "output_type": "difference",
    "output_activation": "tanh",
    "leaky_relu_slope": 0.2,
}
_DENSE = {
    **_ARGUMENTS,
    "block_output_with_input": True,
    "skip": "before_transition",
    "transition_activation": "linear",
    "bottleneck_transition": True,
}
# Four blocks reach further than a segment of 4,096 samples; few taps keep a training step short.
_TINY = {
    "num_samples": 4096,
    "dilation_rates": ADAPTIVE_DILATION_RATES[:4],
    "filters": 6,
    "kernel_size": 7,
    "bottleneck_kernel_size": 7,
}
_TINY_DENSE = {**_TINY, "filters": 4}

DILATED_U_NET_PRESETS = by_name(
    (
        Preset(
            name="dilated_u_net",
            paper=_PAPER,
            parameters=1_758_888,
            task="waveform",
            arguments=_ARGUMENTS,
            tiny=_TINY,
            description="U-Net on waveforms with dilation instead of resampling",
            sample_rate_hz=22050,
        ),
    )
)
DILATED_DENSE_U_NET_PRESETS = by_name(
    (
        Preset(
            name="dilated_dense_u_net",
            paper=_PAPER,
            parameters=4_682_658,
            task="waveform",
            arguments=_DENSE,
            tiny=_TINY_DENSE,
            description="Dilated U-Net of dense blocks",
            sample_rate_hz=22050,
        ),
    )
)
