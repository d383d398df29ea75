"""Formats of written audio files: what each can hold, and how libsndfile is asked for it."""

import dataclasses
from typing import Any

import numpy as np

from keras_d3.utils import check_choice


@dataclasses.dataclass(frozen=True)
class _Container:
    """What libsndfile calls a format, and its limits."""

    container: str
    subtypes: tuple[str, ...]
    max_channels: int
    # Rates in Hz that it can hold; None: all.
    rates_hz: tuple[int, ...] | None = None


_FORMATS = {
    "wav": _Container("WAV", ("PCM_16", "PCM_24", "FLOAT"), 1024),
    "flac": _Container("FLAC", ("PCM_16", "PCM_24"), 8),
    "mp3": _Container(
        "MP3",
        ("MPEG_LAYER_III",),
        2,
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
    "ogg": _Container("OGG", ("VORBIS",), 255),
    "opus": _Container("OGG", ("OPUS",), 255, (8000, 12000, 16000, 24000, 48000)),
}
AUDIO_FORMATS = tuple(_FORMATS)
# The rate of files that cannot hold the song's own.
FALLBACK_RATE_HZ = 48000
# Nominal kbit/s of Vorbis at qualities 0.0, 0.1, ..., 1.0 (stereo, 44.1 kHz), from libvorbis.
_VORBIS_KBPS = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# kbit/s of MP3 by MPEG version: rates of 32 kHz and more, of 16 kHz and more, below.
_MP3_KBPS = ((32000, 32, 320), (16000, 8, 160), (0, 8, 64))
# kbit/s of one channel of Opus that libsndfile maps its compression levels to.
_OPUS_KBPS = (6, 256)


@dataclasses.dataclass(frozen=True)
class AudioFormat:
    """The format of an audio file to be written.

    Args:
        name: `"wav"`, `"flac"`, `"mp3"`, `"ogg"` (Vorbis) or `"opus"`.
        subtype: sample format: `"PCM_16"` or `"PCM_24"` of WAV and FLAC, `"FLOAT"` (32 bits) of WAV. None:
            16 bits; mp3, ogg and opus have none.
        bitrate_kbps: number, kbit/s of mp3 (constant), ogg (nominal, of 44.1 kHz stereo) and opus (average).
            None: libsndfile's defaults, about 150 for stereo music in mp3.

    Raises:
        ValueError: a value that the format does not have.

    Example:

    >>> from keras_d3.audio import AudioFormat
    >>> AudioFormat("flac").subtype
    'PCM_16'
    >>> AudioFormat("opus", bitrate_kbps=128).rate_hz(44100)
    48000
    """

    name: str = "wav"
    subtype: str | None = None
    bitrate_kbps: float | None = None

    def __post_init__(self):
        check_choice("file_format", self.name, AUDIO_FORMATS)
        subtypes = _FORMATS[self.name].subtypes
        if self.subtype is None:
            object.__setattr__(self, "subtype", subtypes[0])
        elif self.is_lossy:
            raise ValueError(
                f"`subtype` is a setting of wav and flac. Received: subtype={self.subtype!r}, "
                f"file_format={self.name!r}. Leave it out, or give a bitrate."
            )
        check_choice("subtype", self.subtype, subtypes)
        if self.bitrate_kbps is not None:
            self._check_bitrate()

    def _check_bitrate(self):
        if not self.is_lossy:
            raise ValueError(
                f"`bitrate_kbps` is a setting of mp3, ogg and opus. Received: bitrate_kbps="
                f"{self.bitrate_kbps!r}, file_format={self.name!r}. Leave it out, or give a subtype."
            )
        low, high = {"mp3": (8, 320), "ogg": (64, 500), "opus": (6, 512)}[self.name]
        if not low <= self.bitrate_kbps <= high:
            raise ValueError(
                f"`bitrate_kbps` of {self.name} must be from {low} to {high}. "
                f"Received: bitrate_kbps={self.bitrate_kbps!r}."
            )

    @property
    def suffix(self) -> str:
        """Suffix of file names, with its dot."""
        return f".{self.name}"

    @property
    def is_lossy(self) -> bool:
        """Whether the format is coded by ear: mp3, ogg and opus."""
        return self.name in ("mp3", "ogg", "opus")

    @property
    def holds_all(self) -> bool:
        """Whether samples beyond full scale survive."""
        return self.is_lossy or self.subtype == "FLOAT"

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of a sample of one channel; of lossy formats at most."""
        return {"PCM_16": 2, "PCM_24": 3}.get(str(self.subtype), 4)

    def rate_hz(self, sample_rate: int) -> int:
        """The rate of the file for audio at `sample_rate`: the same, or 48 kHz where it cannot be held."""
        rates = _FORMATS[self.name].rates_hz
        return sample_rate if rates is None or sample_rate in rates else FALLBACK_RATE_HZ

    def check_channels(self, channels: int) -> None:
        """Checks that a file can have so many channels.

        Raises:
            ValueError: it cannot.
        """
        most = _FORMATS[self.name].max_channels
        if channels > most:
            raise ValueError(
                f"`file_format` {self.name!r} holds at most {most} channels. Received: {channels} channels. "
                "Write wav."
            )

    def soundfile_arguments(self, sample_rate: int, channels: int) -> dict[str, Any]:
        """Keyword arguments of `soundfile.SoundFile` for a file of this format.

        Args:
            sample_rate: int, the file's rate in Hz.
            channels: int.
        """
        kind = _FORMATS[self.name]
        arguments: dict[str, Any] = {"format": kind.container, "subtype": self.subtype}
        if self.bitrate_kbps is None:
            return arguments
        # libsndfile knows compression levels from 0 to 1 alone; what they mean is in its source.
        if self.name == "ogg":
            quality = np.interp(self.bitrate_kbps, _VORBIS_KBPS, np.linspace(0, 1, len(_VORBIS_KBPS)))
            return {**arguments, "compression_level": 1 - float(quality)}
        low, high = _OPUS_KBPS
        kbps = self.bitrate_kbps / channels
        if self.name == "mp3":
            low, high = next((low, high) for least_hz, low, high in _MP3_KBPS if sample_rate >= least_hz)
            kbps = self.bitrate_kbps
            arguments["bitrate_mode"] = "CONSTANT"
        # It refuses the lowest bitrate of MP3 itself, level 1.
        level = float(np.clip((high - kbps) / (high - low), 0, 0.999))
        return {**arguments, "compression_level": level}
