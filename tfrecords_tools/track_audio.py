"""Reads and checks the headers and the samples of a song's audio files."""

import dataclasses

import numpy as np

from keras_d3.audio import (
    audio_facts,
    decode_with_ffmpeg,
    probe_audio_streams,
    read_audio,
    resample,
    to_pcm16,
)
from keras_d3.data import MIXTURE
from tfrecords_tools.track_files import TrackFiles

# Lossy headers are right to a frame or two; decoded lengths must agree exactly.
HEADER_TOLERANCE_SECS = 0.1


@dataclasses.dataclass(frozen=True)
class TrackFacts:
    """Properties of a song by the headers of its files: rate in Hz, channels, length in samples."""

    sample_rate: int
    channels: int
    num_samples: int


def read_facts(track: TrackFiles) -> TrackFacts:
    """Reads the headers of a song's files.

    Args:
        track: `TrackFiles`.

    Returns:
        `TrackFacts`, with the largest number of channels.

    Raises:
        FileNotFoundError, ValueError: a file is missing, broken or empty, has more
            than two channels, or differs from the others in rate or length.
    """
    containers, facts = {}, {}
    for name, place in track.locations.items():
        if place.stream is not None and place.path not in containers:
            containers[place.path] = probe_audio_streams(place.path)
        streams = containers.get(place.path)
        if streams is None:
            facts[name] = audio_facts(place.path)
        elif place.stream < len(streams):
            facts[name] = streams[place.stream]
        else:
            raise ValueError(
                f"`{place.path}` must have an audio stream {place.stream} for {name!r}. It has "
                f"{len(streams)} of them. Copy or download it again."
            )
    first_name, first = next(iter(facts.items()))
    lengths = {name: fact["num_samples"] for name, fact in facts.items() if fact["num_samples"]}
    for name, fact in facts.items():
        place = track.locations[name]
        if fact["num_samples"] == 0:
            raise ValueError(f"`{place}` has no samples. Copy or render it again, or remove the song.")
        if fact["channels"] > 2:
            raise ValueError(f"`{place}` must be mono or stereo. It has {fact['channels']} channels.")
        if fact["sample_rate"] != first["sample_rate"]:
            raise ValueError(
                f"All files of a song must have one sample rate: in {track.name!r}, `{place}` has "
                f"{fact['sample_rate']} Hz and `{track.locations[first_name]}` {first['sample_rate']} Hz. "
                "Convert one of them."
            )
    slack = HEADER_TOLERANCE_SECS * first["sample_rate"]
    if lengths and max(lengths.values()) - min(lengths.values()) > slack:
        raise _other_length(track, lengths)
    return TrackFacts(
        sample_rate=first["sample_rate"],
        channels=max(fact["channels"] for fact in facts.values()),
        num_samples=max(lengths.values(), default=0),
    )


def read_track_audio(track: TrackFiles, channels: int, sample_rate: int) -> tuple[dict[str, np.ndarray], int]:
    """Reads, converts and checks a song.

    Args:
        track: `TrackFiles`.
        channels: int, 1 or 2, of the result: stereo is averaged to mono, mono doubled to stereo.
        sample_rate: int, of the result, in Hz.

    Returns:
        `(audio, num_clipped)`: dict of `"mixture" | source -> int16 (time, channels)`, and
        the number of samples that were out of range. Without a file, the mixture is the
        sum of the stored 16-bit sources.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`; ValueError also for files that differ
            in length or rate.
    """
    audio, lengths, rates, num_clipped = {}, {}, {}, 0
    for name, place in track.locations.items():
        if place.stream is None:
            samples, rate = read_audio(place.path)
        else:
            samples, rate = decode_with_ffmpeg(place.path, place.stream)
        lengths[name], rates[name] = len(samples), rate
        if len(set(lengths.values())) > 1:
            raise _other_length(track, lengths)
        if len(set(rates.values())) > 1:
            raise ValueError(f"All files of {track.name!r} must have one sample rate. Received: {rates}.")
        samples = resample(_to_channels(samples, channels), rate, sample_rate)
        audio[name], clipped = to_pcm16(samples)
        num_clipped += clipped
    if MIXTURE not in audio:
        total = sum(samples.astype("int32") for samples in audio.values())
        inside = np.clip(total, -32768, 32767)
        num_clipped += int(np.count_nonzero(total != inside))
        audio = {MIXTURE: inside.astype("<i2")} | audio
    return audio, num_clipped


def _to_channels(samples, channels):
    if samples.shape[1] == channels:
        return samples
    if channels == 1:
        return samples.mean(axis=1, keepdims=True, dtype="float32")
    return np.repeat(samples, channels, axis=1)


def _other_length(track, lengths):
    shown = ", ".join(f"`{track.locations[name]}` {length}" for name, length in lengths.items())
    return ValueError(
        f"All files of a song must have the same number of samples: {track.name!r} has {shown}. "
        "Pad or cut them to one length, or remove the song."
    )
