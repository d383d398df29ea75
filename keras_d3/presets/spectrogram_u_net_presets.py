"""The spectrogram U-Nets of the Wave-U-Net paper."""

from keras_d3.presets.preset import Preset, by_name

_PAPER = "Stoller, Ewert and Dixon, 2018, Wave-U-Net, arXiv:1806.03185; configuration `{}` of f90/Wave-U-Net"
_ARGUMENTS = {
    "sources": ("accompaniment", "vocals"),
    # 128 frames.
    "num_samples": 98560,
    "frame_length": 1024,
    "frame_step": 768,
    "num_levels": 6,
    "filters": 16,
    "kernel_size": 5,
}
# 16 frames of 128 bins.
_TINY = {"num_samples": 15 * 192 + 256, "frame_length": 256, "frame_step": 192, "num_levels": 4, "filters": 8}


def _preset(name, description, outputs):
    return Preset(
        name=name,
        paper=_PAPER.format(name),
        # Counted from the layers that the authors' code describes; they state no number.
        parameters=19_643_618,
        task="waveform",
        arguments={**_ARGUMENTS, "outputs": outputs},
        tiny=_TINY,
        description=description,
        sample_rate_hz=8192,
    )


SPECTROGRAM_U_NET_PRESETS = by_name(
    (
        _preset("unet_spectrogram", "U7: U-Net on spectrograms, trained on waveforms", "waveform"),
        _preset("unet_spectrogram_l1", "U7a: U7 trained on magnitudes, which it gives out", "magnitudes"),
    )
)
