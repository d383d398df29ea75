"""The lead of a song: the channel that can be sung, and its melody for the synthetic voice."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from tfrecords_tools.midi.song import MidiNote
from tfrecords_tools.synth.score import VOWELS, Note

# What a voice sings: pitches as MIDI numbers, steps of at most a fifth, notes that last.
SUNG_PITCHES = range(45, 85)
LARGEST_STEP = 7
NUM_PITCHES = 6
MIN_NOTE_SECS = 0.2
MIN_ACTIVE_SHARE = 0.3
# Product of the shares of `lead_score` that a channel needs.
MIN_LEAD_SCORE = 0.3
# Middle of a low and of a high voice: G3 and G4.
CENTERS = {False: 55, True: 67}
REACH = 14  # semitones from there
SHORTEST_SECS = 0.08


@dataclasses.dataclass(frozen=True)
class SungLine:
    """What `play_voice` reads of a score: length in seconds, melody, and whether the voice is a high one."""

    secs: float
    melody: tuple[Note, ...]
    female: bool


def lead_score(notes: Sequence[MidiNote], secs: float) -> float:
    """Returns how well the notes of a channel can be sung, 0 to 1.

    The product of: share of notes that begin alone and after the one before (by 50 ms of overlap at most),
    share of singable pitches, share of steps of at most a fifth, number of pitches (6 or more count as 1),
    share of the time that is sung (30 % or more count as 1), and length of the median note (0.2 s or more
    count as 1).
    """
    if len(notes) < 8:
        return 0.0
    starts = np.array([note.start_secs for note in notes])
    ends = np.array([note.end_secs for note in notes])
    pitches = np.array([note.pitch for note in notes])
    alone = np.mean(starts[1:] >= np.maximum.accumulate(ends)[:-1] - 0.05)
    singable = np.mean((pitches >= SUNG_PITCHES.start) & (pitches < SUNG_PITCHES.stop))
    steps = np.mean(np.abs(np.diff(pitches)) <= LARGEST_STEP)
    variety = min(1.0, len(set(pitches.tolist())) / NUM_PITCHES)
    active = min(1.0, np.sum(ends - starts) / secs / MIN_ACTIVE_SHARE)
    length = min(1.0, np.median(ends - starts) / MIN_NOTE_SECS)
    return float(alone * singable * steps * variety * active * length)


def find_lead(notes: Iterable[MidiNote], secs: float) -> int | None:
    """Returns the channel of an excerpt's notes that can best be sung, or None if none can.

    Args:
        notes: iterable of `MidiNote`, those of the source `other`, by start.
        secs: float, length of the excerpt.
    """
    channels = {}
    for note in notes:
        channels.setdefault(note.channel, []).append(note)
    scores = {channel: lead_score(played, secs) for channel, played in channels.items()}
    if len(scores) < 2:  # without its only channel, nothing would be left in `other`
        return None
    best = min(scores, key=lambda channel: (-scores[channel], channel))
    return best if scores[best] >= MIN_LEAD_SCORE else None


def sung_line(
    notes: Sequence[MidiNote],
    begin_secs: float,
    secs: float,
    rng: np.random.Generator,
    always_low: bool = False,
) -> SungLine:
    """Returns the melody of an excerpt for the voice.

    The highest note of a chord, moved by octaves to the middle of a low or high voice, with vowels drawn
    from `rng`. Bends and pedals of the channel are ignored. `always_low` is for a voice that is low.
    """
    female = bool(rng.random() < 0.5) and not always_low
    highest = {}
    for note in notes:
        start, end = max(note.start_secs, begin_secs), min(note.end_secs, begin_secs + secs)
        key = round(start - begin_secs, 2)
        if end - start >= SHORTEST_SECS and (key not in highest or note.pitch > highest[key][0]):
            highest[key] = (note.pitch, end - begin_secs, note.velocity)
    if not highest:
        return SungLine(secs, (), female)
    center, melody, starts = CENTERS[female], [], sorted(highest)
    # The whole line moves, so that its steps stay; what still lies out of reach moves alone.
    shift = 12 * round((center - np.median([pitch for pitch, _, _ in highest.values()])) / 12)
    for start, following in zip(starts, [*starts[1:], secs], strict=True):
        pitch, end, velocity = highest[start]
        pitch += shift
        while abs(pitch - center) > REACH:
            pitch += 12 if pitch < center else -12
        length = min(end, following) - start
        if length >= SHORTEST_SECS:
            vowel = str(rng.choice(VOWELS))
            melody.append(Note(start, length, float(pitch), 0.6 + 0.4 * velocity / 127, vowel))
    return SungLine(secs, tuple(melody), female)
