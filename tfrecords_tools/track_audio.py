"""Reads and checks the headers and the samples of a song's audio files."""

import dataclasses
from pathlib import Path

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
from tfrecords_tools.faults import FaultList
from tfrecords_tools.track_checks import strange_sources
from tfrecords_tools.track_files import TrackFiles

# Lossy headers are right to a frame or two; decoded lengths must agree exactly.
HEADER_TOLERANCE_SECS = 0.1
# Formats whose headers have the length to the sample.
EXACT_SUFFIXES = (".wav", ".flac", ".aif", ".aiff")


@dataclasses.dataclass(frozen=True)
class TrackFacts:
    """Properties of a song by the headers of its files: rate in Hz, channels, length in samples."""

    sample_rate: int
    channels: int
    num_samples: int


@dataclasses.dataclass(frozen=True)
class TrackAudio:
    """A song as it is written.

    Args:
        samples: dict of `"mixture" | source -> int16 (time, channels)`.
        num_clipped: int, samples that were out of range.
        notes: tuple of str, what is strange about it.
    """

    samples: dict[str, np.ndarray]
    num_clipped: int
    notes: tuple[str, ...]


def read_facts(track: TrackFiles, pad_or_truncate_secs: float = 0.0) -> TrackFacts:
    """Reads the headers of a song's files.

    Args:
        track: `TrackFiles`.
        pad_or_truncate_secs: float, by how much lengths may differ.

    Returns:
        `TrackFacts`, with the largest number of channels.

    Raises:
        FileNotFoundError, ValueError: a file is missing, broken or empty, has more
            than two channels, or differs from the others in rate or length; `DataFaults` where there are
            several such faults.
    """
    containers, facts, faults = {}, {}, FaultList()
    for name, parts in track.parts.items():
        for place in parts:
            with faults.collected():
                facts[place] = _facts_of(place, name, containers)
    if not any(track.parts.values()):
        raise FileNotFoundError(f"The song {track.name!r} has no audio files. Remove it.")
    faults.raise_all()
    first_place, first = next(iter(facts.items()))
    for place, fact in facts.items():
        if fact["sample_rate"] != first["sample_rate"]:
            faults.add(
                ValueError(
                    f"All files of a song must have one sample rate: in {track.name!r}, `{place}` has "
                    f"{fact['sample_rate']} Hz and `{first_place}` {first['sample_rate']} Hz. "
                    "Convert one of them."
                )
            )
    lengths = {place: fact["num_samples"] for place, fact in facts.items() if fact["num_samples"]}
    exact = all(Path(place.path).suffix.lower() in EXACT_SUFFIXES for place in facts)
    slack = pad_or_truncate_secs + (0 if exact else HEADER_TOLERANCE_SECS)
    if not faults and _spread(lengths) > slack * first["sample_rate"]:
        faults.add(_other_length(track, lengths, first["sample_rate"], pad_or_truncate_secs))
    faults.raise_all()
    return TrackFacts(
        sample_rate=first["sample_rate"],
        channels=max(fact["channels"] for fact in facts.values()),
        num_samples=max(lengths.values(), default=0),
    )


def read_track_audio(
    track: TrackFiles, channels: int, sample_rate: int, pad_or_truncate_secs: float = 0.0
) -> TrackAudio:
    """Reads, converts and checks a song.

    The files of a source are summed, a source without files is silent. Where files differ in length by no
    more than `pad_or_truncate_secs`, they are cut or padded with zeros at their ends to the length of the
    mixture's file, or of the longest file if the mixture has none.

    Args:
        track: `TrackFiles`.
        channels: int, 1 or 2, of the result: stereo is averaged to mono, mono doubled to stereo.
        sample_rate: int, of the result, in Hz.
        pad_or_truncate_secs: float, by how much lengths may differ.

    Returns:
        `TrackAudio`. Without a file, the mixture is the sum of the stored 16-bit sources.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`; ValueError also for files that differ
            in length or rate.
    """
    audio, lengths, num_clipped, rates = {}, {}, 0, []
    for name, parts in track.parts.items():
        total = None
        for place in parts:
            samples, rate = _read(place)
            rates.append(rate)
            lengths[place] = len(samples)
            if rate != rates[0]:
                raise ValueError(f"All files of {track.name!r} must have one sample rate. Received: {rates}.")
            if _spread(lengths) > pad_or_truncate_secs * rate:
                raise _other_length(track, lengths, rate, pad_or_truncate_secs)
            total = _sum(total, _to_channels(samples, channels))
        if total is not None:
            audio[name], clipped = to_pcm16(resample(total, rates[0], sample_rate))
            num_clipped += clipped
    length = len(audio[MIXTURE]) if MIXTURE in audio else max(map(len, audio.values()))
    silence = np.zeros((length, channels), "<i2")
    audio = {name: _of_length(audio.get(name, silence), length) for name in track.parts}
    notes = strange_sources({name: audio[name] for name, _ in track.sources}, audio.get(MIXTURE))
    if _spread(lengths):
        notes.append("files were padded or cut at their ends to one length")
    if MIXTURE not in audio:
        total = sum(samples.astype("int32") for samples in audio.values())
        inside = np.clip(total, -32768, 32767)
        num_clipped += int(np.count_nonzero(total != inside))
        audio = {MIXTURE: inside.astype("<i2")} | audio
    return TrackAudio(audio, num_clipped, tuple(notes))


def _facts_of(place, name, containers):
    if place.stream is not None and place.path not in containers:
        containers[place.path] = probe_audio_streams(place.path)
    streams = containers.get(place.path)
    if streams is None:
        fact = audio_facts(place.path)
    elif place.stream < len(streams):
        fact = streams[place.stream]
    else:
        raise ValueError(
            f"`{place.path}` must have an audio stream {place.stream} for {name!r}. It has "
            f"{len(streams)} of them. Copy or download it again."
        )
    if fact["num_samples"] == 0:
        raise ValueError(f"`{place}` has no samples. Copy or render it again, or remove the song.")
    if fact["channels"] > 2:
        raise ValueError(
            f"`{place}` must be mono or stereo. It has {fact['channels']} channels. Mix them down: "
            "`ffmpeg -i IN -ac 2 OUT.wav`."
        )
    return fact


def _read(place):
    if place.stream is None:
        return read_audio(place.path)
    return decode_with_ffmpeg(place.path, place.stream)


def _sum(total, samples):
    if total is None:
        return samples
    length = max(len(total), len(samples))
    return _of_length(total, length) + _of_length(samples, length)


def _of_length(samples, length):
    if len(samples) == length:
        return samples
    samples = samples[:length]
    return np.pad(samples, ((0, length - len(samples)), (0, 0)))


def _to_channels(samples, channels):
    if samples.shape[1] == channels:
        return samples
    if channels == 1:
        return samples.mean(axis=1, keepdims=True, dtype="float32")
    return np.repeat(samples, channels, axis=1)


def _spread(lengths):
    return max(lengths.values(), default=0) - min(lengths.values(), default=0)


def _other_length(track, lengths, sample_rate, allowed_secs):
    shown = ", ".join(f"`{place}` {length}" for place, length in lengths.items())
    spread = _spread(lengths) / sample_rate
    if allowed_secs:
        hint = f"They differ by {spread:.3g} s, and --pad-or-truncate allows {allowed_secs:g} s."
    else:
        hint = f"`--pad-or-truncate {_rounded_up(spread):g}` does that for all songs."
    return ValueError(
        f"All files of a song must have the same number of samples: {track.name!r} has {shown}. "
        f"Pad or cut them to one length, or remove the song. {hint}"
    )


def _rounded_up(secs):
    return max(0.1, np.ceil(10 * secs) / 10)
