"""A MIDI song as notes and controllers in seconds."""

import dataclasses
import hashlib
import io

from keras_d3.utils import optional_package

DRUM_CHANNEL = 9  # counted from 0
BASS_PROGRAMS = range(32, 40)  # counted from 0: General MIDI's programs 33 to 40
DEFAULT_TEMPO = 500_000  # microseconds per beat


@dataclasses.dataclass(frozen=True)
class MidiNote:
    """A note: times in seconds, channel and program counted from 0, pitch and velocity as in MIDI."""

    start_secs: float
    end_secs: float
    channel: int
    program: int
    pitch: int
    velocity: int

    @property
    def source(self) -> str:
        """The stem that the note belongs to: "drums", "bass" or "other"."""
        if self.channel == DRUM_CHANNEL:
            return "drums"
        return "bass" if self.program in BASS_PROGRAMS else "other"


@dataclasses.dataclass(frozen=True)
class MidiEvent:
    """A time in seconds and the bytes of a message that is no note: program, controller, bend, system."""

    secs: float
    data: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class MidiSong:
    """A song.

    Args:
        name: str, for errors and folders.
        sha256: str, of the file.
        notes: tuple of `MidiNote`, by start.
        events: tuple of `MidiEvent`, by time.
        secs: float, end of the last note.
    """

    name: str
    sha256: str
    notes: tuple[MidiNote, ...]
    events: tuple[MidiEvent, ...]
    secs: float


def read_midi(data: bytes, name: str) -> MidiSong:
    """Returns the notes and controllers of a Standard MIDI File of type 0 or 1.

    A note belongs to the program that its channel has when it begins. Of a pitch that is struck again
    before it ends, the first note ends first.

    Args:
        data: bytes of the file.
        name: str, name of the song, for errors.

    Raises:
        ValueError: no MIDI file, a broken one, one of type 2 or of SMPTE time, or no notes in it.
        ModuleNotFoundError: mido is not installed.
    """
    mido = optional_package("mido", "corpus", "Reading MIDI files")

    if data[:4] != b"MThd":
        kind = "Doom's own music format (MUS)" if data[:4] == b"MUS\x1a" else "no Standard MIDI File"
        raise ValueError(f"`{name}` is {kind}: it must begin with 'MThd'. Received: {bytes(data[:4])!r}.")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except Exception as error:  # mido raises whatever the bytes lead to
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"The MIDI file `{name}` is broken ({reason}). Copy it again, or leave it out."
        ) from error
    if file.type not in (0, 1) or file.ticks_per_beat <= 0:
        time = "SMPTE time" if file.ticks_per_beat <= 0 else f"type {file.type}"
        raise ValueError(
            f"The MIDI file `{name}` must be of type 0 or 1, timed in beats. Received: {time}. Convert it."
        )
    notes, events = _notes_and_events(_messages_in_secs(file))
    if not notes:
        raise ValueError(f"The MIDI file `{name}` has no notes. Leave it out.")
    notes.sort(key=lambda note: (note.start_secs, note.channel, note.pitch))
    end = max(note.end_secs for note in notes)
    return MidiSong(name, hashlib.sha256(data).hexdigest(), tuple(notes), tuple(events), end)


def _messages_in_secs(file):
    """Yields `(seconds, message)` of all tracks in order; of one tick, tracks come in theirs."""
    placed = []
    for track in file.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            placed.append((ticks, message))
    placed.sort(key=lambda item: item[0])
    secs, last, tempo = 0.0, 0, DEFAULT_TEMPO
    for ticks, message in placed:
        secs += (ticks - last) * tempo * 1e-6 / file.ticks_per_beat
        last = ticks
        if message.type == "set_tempo":
            tempo = message.tempo
        yield secs, message


def _notes_and_events(messages):
    programs, open_notes, notes, events, secs = [0] * 16, {}, [], [], 0.0

    def end(key, at):
        started = open_notes[key].pop(0)
        if at > started[0]:
            notes.append(MidiNote(started[0], at, key[0], started[1], key[1], started[2]))

    for secs, message in messages:
        if message.is_meta:
            continue
        if message.type not in ("note_on", "note_off"):
            if message.type == "program_change":
                programs[message.channel] = message.program
            events.append(MidiEvent(secs, tuple(message.bytes())))
            continue
        key = (message.channel, message.note)
        if message.type == "note_on" and message.velocity:
            open_notes.setdefault(key, []).append((secs, programs[message.channel], message.velocity))
        elif open_notes.get(key):
            end(key, secs)
    for key, started in open_notes.items():  # never ended: until the file ends
        while started:
            end(key, secs)
    return notes, events
