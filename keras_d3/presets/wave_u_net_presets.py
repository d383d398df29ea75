"""The configurations of the Wave-U-Net paper and of its code."""

from keras_d3.presets.preset import Preset, by_name

_PAPER = "Stoller, Ewert and Dixon, 2018, Wave-U-Net, arXiv:1806.03185"
_VOCALS = ("accompaniment", "vocals")
_FOUR = ("bass", "drums", "other", "vocals")
_M1 = {
    "sources": _VOCALS,
    "channels": 1,
    "num_output_samples": 16384,
    "num_levels": 12,
    "filters": 24,
    "kernel_size": 15,
    "up_kernel_size": 5,
    "output_kernel_size": 1,
    "context": False,
    "upsampling": "linear",
    "output_type": "direct",
    "output_activation": "tanh",
    "leaky_relu_slope": 0.2,
}
_M2 = {**_M1, "output_type": "difference"}
_M3 = {**_M2, "context": True}
_M4 = {**_M3, "channels": 2}
_M5 = {**_M4, "upsampling": "learned"}
_M6 = {**_M4, "sources": _FOUR}
_M7 = {**_M3, "filters": 34, "num_output_samples": 98560}

# Half the levels and a third of the filters.
_TINY = {"num_levels": 6, "filters": 8, "num_output_samples": 4096}


def _preset(variant, config, arguments, parameters, description, sample_rate_hz=22050):
    return Preset(
        name=f"wave_u_net_{variant}",
        paper=f"{_PAPER}; configuration `{config}` of f90/Wave-U-Net",
        parameters=parameters,
        task="waveform",
        arguments=arguments,
        tiny=_TINY,
        description=description,
        sample_rate_hz=sample_rate_hz,
    )


WAVE_U_NET_PRESETS = by_name(
    (
        _preset("m1", "baseline", _M1, 10_263_028, "mono, one head per source, padded convolutions"),
        _preset("m2", "baseline_diff", _M2, 10_263_002, "M1 with the last source as residual"),
        _preset("m3", "baseline_context", _M3, 10_263_002, "M2 with input context, no padding"),
        _preset("m4", "baseline_stereo", _M4, 10_263_390, "M3 in stereo"),
        _preset("m5", "full", _M5, 10_265_550, "M4 with learned upsampling"),
        _preset("m6", "full_multi_instrument", _M6, 10_263_498, "M4 for four instruments"),
        _preset(
            "m7",
            "baseline_comparison",
            _M7,
            20_594_652,
            "M3 at 8,192 Hz, wider, long outputs",
            sample_rate_hz=8192,
        ),
        _preset(
            "m5_high_sr",
            "full_44KHz",
            _M5,
            10_265_550,
            "M5 at 44,100 Hz; released with the code, not in the paper",
            sample_rate_hz=44100,
        ),
    )
)
