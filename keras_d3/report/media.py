"""Audio and spectrograms as data URIs, so that the report is one file."""

import base64
import io

import numpy as np

from keras_d3.utils import optional_package

# Tried in this order. MP3 plays in every browser and is small; the others are for builds of
# libsndfile without MP3 and for sample rates that MP3 does not support.
_FORMATS = (
    ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    ("OGG", "VORBIS", "audio/ogg"),
    ("FLAC", "PCM_16", "audio/flac"),
)
RANGE_DB = 80.0
LOWEST_HZ = 40.0
_COLUMNS, _ROWS = 420, 120
_FRAME_SECS = 0.046


def common_gain(clips, ceiling=0.98):
    """Returns the gain, a float, that keeps all clips below full scale, so that loudness stays comparable."""
    peak = max((float(np.max(np.abs(clip))) for clip in clips if np.size(clip)), default=0.0)
    return ceiling / peak if peak > ceiling else 1.0


def audio_uri(audio, sample_rate_hz):
    """Returns audio (time, channels) as a data URI in the first format that libsndfile can write.

    Raises:
        RuntimeError: none of MP3, Ogg Vorbis and FLAC can be written at this rate.
    """
    soundfile = optional_package("soundfile", "evaluation", "Sound in the report")

    failures = []
    for name, subtype, mime in _FORMATS:
        buffer = io.BytesIO()
        try:
            with soundfile.SoundFile(
                buffer, "w", int(sample_rate_hz), audio.shape[1], format=name, subtype=subtype
            ) as file:
                # In pieces: libsndfile's Vorbis writer overflows the stack on long blocks.
                for start in range(0, len(audio), 65536):
                    file.write(np.clip(audio[start : start + 65536], -1, 1).astype(np.float32))
        except (soundfile.LibsndfileError, ValueError) as error:
            failures.append(f"{name}: {error}")
            continue
        return f"data:{mime};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    raise RuntimeError(
        f"Audio of {audio.shape[1]} channels at {sample_rate_hz} Hz cannot be encoded for the report: "
        f"{'; '.join(failures)}. Install a soundfile wheel that writes MP3 (0.12 or newer), or resample "
        "to 44100 Hz."
    )


def spectrogram_db(audio, sample_rate_hz):
    """Computes the power of audio on a grid of log frequency and time.

    Args:
        audio: array (time, channels).
        sample_rate_hz: int, sample rate of the audio.

    Returns:
        float array (rows, columns) in dB, the lowest frequency in the last row. The power is
        the mean over channels of a Hann-windowed spectrum; its level has no absolute meaning.
    """
    length = max(64, int(_FRAME_SECS * sample_rate_hz) // 2 * 2)
    signal = np.pad(np.asarray(audio, np.float64), ((length // 2, length // 2), (0, 0)))
    starts = np.linspace(0, len(signal) - length, _COLUMNS).astype(int)
    frames = signal[starts[:, None] + np.arange(length)] * np.hanning(length)[None, :, None]
    # Zero-padded to four times the frame, which interpolates between the few lowest bins.
    power = np.mean(np.abs(np.fft.rfft(frames, 4 * length, axis=1)) ** 2, axis=2)
    edges = frequency_at(np.linspace(0, 1, _ROWS + 1), sample_rate_hz) * 4 * length / sample_rate_hz
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        first = min(int(round(low)), power.shape[1] - 1)
        rows.append(power[:, first : max(int(round(high)), first + 1)].max(axis=1))
    return 10 * np.log10(np.stack(rows[::-1]) + 1e-12)


def highest_hz(sample_rate_hz):
    """Returns the upper end of the spectrograms' frequency axis."""
    return min(16000.0, sample_rate_hz / 2)


def frequency_at(height, sample_rate_hz):
    """Returns the frequency at a relative height (0 bottom, 1 top) of a spectrogram."""
    return LOWEST_HZ * (highest_hz(sample_rate_hz) / LOWEST_HZ) ** np.asarray(height)


def height_of(frequency_hz, sample_rate_hz):
    """Returns the relative height of a frequency, the inverse of `frequency_at`."""
    return np.log(frequency_hz / LOWEST_HZ) / np.log(highest_hz(sample_rate_hz) / LOWEST_HZ)


def spectrogram_uri(decibels, top_db):
    """Returns a spectrogram as a PNG data URI; `top_db` is the brightest color, RANGE_DB below it black."""
    Image = optional_package("PIL.Image", "evaluation", "Spectrograms in the report")

    level = np.clip((decibels - top_db + RANGE_DB) / RANGE_DB, 0, 1)
    image = Image.fromarray(np.round(level * 63).astype(np.uint8) * 4, mode="P")
    image.putpalette(color_map().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def color_map():
    """Returns the 256 colors of the spectrograms as a uint8 array (256, 3)."""
    matplotlib = optional_package("matplotlib", "evaluation", "Spectrograms in the report")

    return (matplotlib.colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
