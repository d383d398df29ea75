"""Audio files and sample rates."""

from keras_d3.audio.blocks import AudioBlocks, check_start, read_audio_blocks
from keras_d3.audio.ffmpeg import find_ffmpeg, probe_audio_streams
from keras_d3.audio.files import audio_facts, decode_with_ffmpeg, read_audio, write_audio
from keras_d3.audio.formats import AUDIO_FORMATS, AudioFormat
from keras_d3.audio.reader import AudioReader, open_audio
from keras_d3.audio.samples import downmix_to_stereo, from_pcm16, resample, to_pcm16
from keras_d3.audio.songs import Song, find_songs, safe_name, song_name
from keras_d3.audio.stream_resampler import StreamResampler
from keras_d3.audio.suffixes import AUDIO_SUFFIXES, is_audio_file
from keras_d3.audio.writing import AudioWriter

__all__ = [
    "AUDIO_FORMATS",
    "AUDIO_SUFFIXES",
    "AudioBlocks",
    "AudioFormat",
    "AudioReader",
    "AudioWriter",
    "Song",
    "StreamResampler",
    "audio_facts",
    "check_start",
    "decode_with_ffmpeg",
    "downmix_to_stereo",
    "find_ffmpeg",
    "find_songs",
    "from_pcm16",
    "is_audio_file",
    "open_audio",
    "probe_audio_streams",
    "read_audio",
    "read_audio_blocks",
    "resample",
    "safe_name",
    "song_name",
    "to_pcm16",
    "write_audio",
]
