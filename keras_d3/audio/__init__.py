"""Audio files and sample rates."""

from keras_d3.audio.ffmpeg import find_ffmpeg, probe_audio_streams
from keras_d3.audio.files import audio_facts, decode_with_ffmpeg, read_audio, write_audio
from keras_d3.audio.reader import AudioReader, open_audio
from keras_d3.audio.samples import downmix_to_stereo, from_pcm16, resample, to_pcm16

__all__ = [
    "AudioReader",
    "audio_facts",
    "decode_with_ffmpeg",
    "downmix_to_stereo",
    "find_ffmpeg",
    "from_pcm16",
    "open_audio",
    "probe_audio_streams",
    "read_audio",
    "resample",
    "to_pcm16",
    "write_audio",
]
