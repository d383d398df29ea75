"""Musical score of a song: tempo, key, chords, patterns and melody, drawn from a generator."""

import dataclasses

import numpy as np

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 1, 4), (0, 2, 3, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 2, 6, 3), (0, 3, 0, 4)),
}
# Sixteenth steps of a bar: kick, snare, closed hat, open hat, ghost snare.
DRUM_PATTERNS = {
    "rock": ((0, 8, 10), (4, 12), (0, 2, 4, 6, 8, 10, 12), (14,), ()),
    "four_on_the_floor": ((0, 4, 8, 12), (4, 12), (0, 4, 8, 12), (2, 6, 10, 14), ()),
    "half_time": ((0, 3, 10), (8,), tuple(range(0, 16, 2)), (15,), (6,)),
    "funk": ((0, 3, 6, 10), (4, 12), tuple(range(16)), (), (7, 9, 15)),
    "ballad": ((0, 7, 8), (4, 12), (0, 4, 8, 12), (), (11,)),
}
BASS_STYLES = ("eighths", "syncopated", "octaves", "long")
HARMONY_LAYERS = (
    ("pad", "guitar"),
    ("organ", "keys"),
    ("pad", "keys"),
    ("strings", "guitar"),
    ("keys", "pluck"),
)
SUNG_RHYTHMS = ((0, 3, 6, 8, 12), (0, 4, 6, 8, 11), (2, 4, 6, 8, 10, 12), (0, 6, 8, 14), (0, 2, 4, 8, 12))
VOWELS = ("a", "e", "i", "o", "u")


@dataclasses.dataclass(frozen=True)
class Note:
    """A note: times in seconds, pitch as MIDI number; `vowel` for the voice."""

    start: float
    secs: float
    pitch: float
    level: float = 1.0
    vowel: str = "a"


@dataclasses.dataclass(frozen=True)
class Score:
    """A song's choices. Chords are tuples of MIDI numbers, one per bar, root first."""

    secs: float
    tempo: float
    swing: float
    drum_pattern: str
    bass_style: str
    layers: tuple[str, str]
    chords: tuple[tuple[int, ...], ...]
    melody: tuple[Note, ...]
    female: bool

    @property
    def step_secs(self):
        """Length of a sixteenth note."""
        return 15.0 / self.tempo

    def time_of(self, bar, step):
        """When a sixteenth step of a bar is played: odd eighths come late by the swing."""
        late = self.swing * self.step_secs if step % 4 == 2 else 0.0
        return (16 * bar + step) * self.step_secs + late


def compose(rng, secs):
    """Returns a `Score` of about `secs` seconds; the same generator state gives the same song."""
    tempo = float(rng.uniform(88, 148))
    num_bars = int(np.ceil(secs / (240.0 / tempo)))
    mode = str(rng.choice(("major", "minor")))
    scale = SCALES[mode]
    key = int(rng.integers(0, 12))
    degrees = PROGRESSIONS[mode][rng.integers(len(PROGRESSIONS[mode]))]
    seventh = rng.random() < 0.4
    chords = []
    for bar in range(num_bars):
        degree = degrees[bar % len(degrees)]
        thirds = (0, 2, 4, 6) if seventh else (0, 2, 4)
        chords.append(tuple(key + _pitch(scale, degree + third) for third in thirds))
    female = bool(rng.random() < 0.5)
    blank = Score(
        secs=secs,
        tempo=tempo,
        swing=float(rng.choice((0.0, 0.0, 0.25, 0.5))),
        drum_pattern=str(rng.choice(tuple(DRUM_PATTERNS))),
        bass_style=str(rng.choice(BASS_STYLES)),
        layers=HARMONY_LAYERS[rng.integers(len(HARMONY_LAYERS))],
        chords=tuple(chords),
        melody=(),
        female=female,
    )
    return dataclasses.replace(blank, melody=_melody(rng, blank, key, scale))


def _pitch(scale, degree):
    return scale[degree % 7] + 12 * (degree // 7)


def _melody(rng, score, key, scale):
    """Phrases of two bars in stepwise motion that lands on chord tones, with a rest to breathe."""
    center = 69 if score.female else 57
    ladder = [note for note in range(center - 8, center + 10) if (note - key) % 12 in scale]
    place = len(ladder) // 2
    rhythms = [SUNG_RHYTHMS[number] for number in rng.permutation(len(SUNG_RHYTHMS))[:2]]
    notes = []
    for bar, chord in enumerate(score.chords):
        steps = list(rhythms[bar % 2])
        end = 16 if bar % 2 == 0 else 13  # the second bar of a phrase ends early
        steps = [step for step in steps if step < end - 1]
        for number, step in enumerate(steps):
            place = int(np.clip(place + rng.choice((-2, -1, -1, 0, 1, 1, 2)), 0, len(ladder) - 1))
            if step % 8 == 0:
                tones = {note % 12 for note in chord}
                near = sorted(range(len(ladder)), key=lambda i: (ladder[i] % 12 not in tones, abs(i - place)))
                place = near[0]
            following = steps[number + 1] if number + 1 < len(steps) else end
            start = score.time_of(bar, step)
            notes.append(
                Note(
                    start=start,
                    secs=score.time_of(bar, following) - start,
                    pitch=ladder[place],
                    level=float(rng.uniform(0.75, 1.0)),
                    vowel=str(rng.choice(VOWELS)),
                )
            )
    return tuple(notes)
