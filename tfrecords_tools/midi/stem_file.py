"""The MIDI file of one stem of an excerpt."""

import io
from collections.abc import Iterable

from keras_d3.utils import optional_package
from tfrecords_tools.midi.song import DRUM_CHANNEL, MidiNote, MidiSong

TICKS_PER_BEAT, TEMPO = 4800, 500_000
TICKS_PER_SEC = TICKS_PER_BEAT * 1_000_000 // TEMPO
# Rendered before the excerpt, so that it begins with the reverb and decay of what came before.
PREROLL_SECS = 2.0
# Rendered after it: fluidsynth writes whole buffers.
TAIL_SECS = 0.5
SUSTAIN_PEDAL, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 120, 123


def preroll_secs(begin_secs: float) -> float:
    """Returns how much of a stem comes before the excerpt's begin."""
    return min(PREROLL_SECS, begin_secs)


def stem_midi(song: MidiSong, notes: Iterable[MidiNote], begin_secs: float, secs: float) -> bytes:
    """Returns a Standard MIDI File of some notes of an excerpt, with `preroll_secs` before it.

    All controllers, programs and bends of the song until the excerpt's end are in it, those from before it
    at its begin. Notes that sound at its begin start there, except drums. At its end pedals are
    released and everything is switched off on all channels: fluidsynth renders for ever where a file
    ends in a held note.

    Args:
        song: `MidiSong`.
        notes: iterable of `MidiNote`, those of the stem.
        begin_secs, secs: float, begin and length of the excerpt.
    """
    mido = optional_package("mido", "corpus", "Writing MIDI files")

    start = begin_secs - preroll_secs(begin_secs)
    end = begin_secs + secs

    def ticks(at):
        return round(max(0.0, at - start) * TICKS_PER_SEC)

    # (ticks, rank, number, message): at one time notes end before controllers move, and others begin after.
    placed = []
    for event in song.events:
        if event.secs < end:
            placed.append((ticks(event.secs), 1, len(placed), mido.Message.from_bytes(event.data)))
    for note in notes:
        held = note.start_secs < start
        if note.start_secs >= end or (held and (note.channel == DRUM_CHANNEL or note.end_secs <= start)):
            continue
        key = {"channel": note.channel, "note": note.pitch}
        on, off = ticks(note.start_secs), ticks(min(note.end_secs, end))
        # A note of less than a tick would end before it begins.
        off = max(off, on + 1)
        placed.append((on, 2, len(placed), mido.Message("note_on", velocity=note.velocity, **key)))
        placed.append((off, 0, len(placed), mido.Message("note_off", **key)))
    placed.sort(key=lambda item: item[:3])
    last = max(ticks(end), placed[-1][0] if placed else 0)
    for at in (last, last + round(TAIL_SECS * TICKS_PER_SEC)):
        placed += [(at, 3, 0, message) for message in _silence(mido)]
    track, previous = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO)]), 0
    for at, _, _, message in placed:
        track.append(message.copy(time=at - previous))
        previous = at
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _silence(mido):
    return [
        mido.Message("control_change", channel=channel, control=control, value=0)
        for channel in range(16)
        for control in (SUSTAIN_PEDAL, ALL_NOTES_OFF, ALL_SOUND_OFF)
    ]
