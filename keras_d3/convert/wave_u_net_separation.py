"""The authors' weights of Wave-U-Net as a separator."""

from keras_d3.convert.readers.tensorflow_checkpoint import checkpoint_files
from keras_d3.convert.wave_u_net import wave_u_net_from_official
from keras_d3.convert.wave_u_net_settings import (
    NUM_FRAMES,
    SAMPLE_RATE_HZ,
    read_wave_u_net_settings,
)
from keras_d3.settings import WaveformSeparatorConfig
from keras_d3.utils import check_sample_rate, sha256_of_file


def wave_u_net_separator(checkpoint, config, padding="zeros", downmix=True, progress=None):
    """Makes the published separator from a checkpoint of the authors' code.

    The separation of f90/Wave-U-Net (`Evaluate.py`) on Stoller, Ewert and Dixon, 2018, "Wave-U-Net"
    (https://arxiv.org/abs/1806.03185): outputs end to end without overlap, the song on both sides of
    them and zeros beyond its ends, the last window shifted back; mono networks get the mean of a song's
    channels. Differences: songs are resampled by soxr instead of librosa 0.6. `WaveformGraph` tells
    the rest.

    Args:
        checkpoint: path of the checkpoint without `.index`.
        config: dict in the official keys, the name of an official configuration (such as
            `"baseline_stereo"` for M4), or the path of a JSON file in the official keys. What is not
            there has the value of the official base configuration.
        padding: `"zeros"`, or `"reflect"` for the song mirrored at its ends.
        downmix: bool, whether a mono network gets the mean of a song's channels; False: it separates
            them one by one.
        progress: function of a line of text, called before each step; or None.

    Returns:
        `Separator`. Its metadata's `recipe` names the checkpoint with its SHA-256 and its settings.

    Raises:
        FileNotFoundError: there is no checkpoint, or no such settings.
        ValueError: settings or variables that do not fit, as in `wave_u_net_from_official`.

    Example:

    >>> separator = wave_u_net_separator("full_44KHz/full_44KHz-236118", "full_44KHz")  # doctest: +SKIP
    >>> separator.export("wave_u_net_official")  # doctest: +SKIP
    """
    # Separators and segmenters need TensorFlow; the networks alone run on every backend.
    from keras_d3.separation import Separator

    progress = progress or (lambda line: None)
    settings = config if isinstance(config, dict) else read_wave_u_net_settings(config)
    progress(f"settings {'given' if isinstance(config, dict) else f'of {config}'}")
    # A separator has windows of one length; that of the official base configuration, if none is given.
    settings = {"num_frames": NUM_FRAMES, "expected_sr": SAMPLE_RATE_HZ, **settings}
    sample_rate_hz = check_sample_rate("config['expected_sr']", settings["expected_sr"])
    progress(f"weights from {checkpoint}")
    network = wave_u_net_from_official(settings, checkpoint)
    channels, sources = network.arguments.channels, network.arguments.sources
    separation = WaveformSeparatorConfig(
        sample_rate_hz,
        channels,
        sources,
        overlap=0.0,
        padding=padding,
        downmix=downmix and channels == 1,
    )
    files = checkpoint_files(checkpoint)
    recipe = {
        "recipe": "wave_u_net",
        "config": "official weights",
        "converted_from": "f90/Wave-U-Net (TensorFlow 1 checkpoint)",
        "weights": {file.name: sha256_of_file(file) for file in files},
        "settings": settings,
    }
    return Separator(network, separation, metadata={"recipe": recipe})
