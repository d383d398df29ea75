"""Audio files and sample rates."""

from keras_d3.audio.files import (
    audio_facts,
    decode_with_ffmpeg,
    find_ffmpeg,
    from_pcm16,
    probe_audio_streams,
    read_audio,
    resample,
    to_pcm16,
    write_audio,
)

__all__ = [
    "audio_facts",
    "decode_with_ffmpeg",
    "find_ffmpeg",
    "from_pcm16",
    "probe_audio_streams",
    "read_audio",
    "resample",
    "to_pcm16",
    "write_audio",
]
