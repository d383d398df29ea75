"""Audio files and sample rates."""

from keras_d3.audio.blocks import AudioBlocks, check_start, read_audio_blocks
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
from keras_d3.audio.formats import AUDIO_FORMATS, AudioFormat
from keras_d3.audio.songs import Song, find_songs, safe_name, song_name
from keras_d3.audio.stream_resampler import StreamResampler
from keras_d3.audio.writing import AudioWriter

__all__ = [
    "AUDIO_FORMATS",
    "AudioBlocks",
    "AudioFormat",
    "AudioWriter",
    "Song",
    "StreamResampler",
    "check_start",
    "find_songs",
    "read_audio_blocks",
    "safe_name",
    "song_name",
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
