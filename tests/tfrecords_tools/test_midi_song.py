"""MIDI songs: notes in seconds, sources, excerpts, stem files, levels, the lead."""

import io
import sys

import mido
import numpy as np
import pytest

from tests.helpers.small_midi import MELODY, midi_bytes, played, small_song
from tfrecords_tools.midi.excerpt import choose_excerpt
from tfrecords_tools.midi.lead import find_lead, lead_score, sung_line
from tfrecords_tools.midi.levels import level_db, mix_stems, sounding_level_db
from tfrecords_tools.midi.song import MidiNote, read_midi
from tfrecords_tools.midi.stem_file import stem_midi


def on(note, channel=0, velocity=64):
    return mido.Message("note_on", channel=channel, note=note, velocity=velocity)


def off(note, channel=0):
    return mido.Message("note_off", channel=channel, note=note)


def program(number, channel=0):
    return mido.Message("program_change", channel=channel, program=number)


def test_tempo_changes_of_one_track_time_all_tracks():
    tempo = mido.MetaMessage("set_tempo", tempo=1_000_000)
    song = read_midi(midi_bytes([[(2, tempo)], [(1, on(60)), (2, off(60))]]), "song")
    (note,) = song.notes
    # One beat of 0.5 s before the note, one in it, then one of 1 s.
    assert (note.start_secs, note.end_secs) == pytest.approx((0.5, 2.0))
    assert song.secs == pytest.approx(2.0)


def test_sources_by_channel_and_by_the_program_at_the_start():
    track = []
    for number in (31, 32, 39, 40):
        track += [(0, program(number)), (0, on(40)), (1, program(0)), (0, off(40))]
    track += [(0, program(33, 9)), (0, on(36, 9)), (1, off(36, 9))]
    song = read_midi(midi_bytes([track]), "song")
    assert [note.source for note in song.notes] == ["other", "bass", "bass", "other", "drums"]
    assert len(song.events) == 9


def test_notes_struck_again_and_notes_without_an_end():
    track = [(0, on(60)), (1, on(60)), (1, on(60, velocity=0)), (1, on(61)), (1, off(60)), (0, off(72))]
    song = read_midi(midi_bytes([track]), "song")
    assert [(note.pitch, note.start_secs, note.end_secs) for note in song.notes] == [
        (60, 0.0, 1.0),
        (60, 0.5, 2.0),
        (61, 1.5, 2.0),
    ]


@pytest.mark.parametrize(
    "data, message",
    [
        (b"RIFF1234", "is no Standard MIDI File: it must begin with 'MThd'. Received: b'RIFF'"),
        (b"MUS\x1a1234", "is Doom's own music format .MUS."),
        (small_song()[:60], "The MIDI file `song` is broken"),
        (midi_bytes([[(1, on(60)), (1, off(60))]], file_type=2), "must be of type 0 or 1.* type 2"),
        (midi_bytes([[(1, program(3))]]), "has no notes"),
    ],
)
def test_files_that_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        read_midi(data, "song")


def test_smpte_time_is_refused():
    data = bytearray(small_song())
    data[12:14] = (-25 & 0xFF, 40)  # 25 frames per second
    with pytest.raises(ValueError, match="timed in beats. Received: SMPTE time"):
        read_midi(bytes(data), "song")


def test_mido_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(ModuleNotFoundError, match="needs the package `mido`.*Install the extra `corpus`"):
        read_midi(small_song(), "song")


def notes_at(spans, channel=0):
    return [MidiNote(start, end, channel, 0, 60, 64) for start, end in spans]


def test_the_excerpt_is_where_the_scarcest_source_plays_most():
    by_source = {
        "drums": notes_at([(t, t + 0.1) for t in np.arange(0, 20, 0.5)], 9),
        "bass": notes_at([(2, 4), (9, 14)]),
    }
    assert choose_excerpt(by_source, 20.0, 5.0) == 9.0
    assert choose_excerpt(by_source, 20.0, 4.0) == 9.0  # 9 and 10 are equally good
    assert choose_excerpt(by_source, 20.0, 60.0) == 0.0
    with pytest.raises(ValueError, match="its 'bass' plays in 20 % of the excerpt, less than 25 %"):
        choose_excerpt(by_source | {"bass": notes_at([(9, 10)])}, 20.0, 5.0)
    with pytest.raises(ValueError, match="no notes for 'bass'"):
        choose_excerpt(by_source | {"bass": []}, 20.0, 5.0)


def stem(song, notes, begin, secs):
    """The messages of a stem file with their times in seconds."""
    file, now, messages = mido.MidiFile(file=io.BytesIO(stem_midi(song, notes, begin, secs))), 0.0, []
    for message in file:
        now += message.time
        messages.append((round(now, 3), message))
    return messages


def test_a_stem_holds_its_excerpt_alone_and_ends_in_silence():
    bend = mido.Message("pitchwheel", pitch=100)
    track = [(0, program(5)), (0, on(50)), (1, bend), (4, on(60)), (2, off(50)), (100, off(60)), (0, on(70))]
    song = read_midi(midi_bytes([[*track, (1, off(70))]]), "song")
    # Begin at 4 s: rendered from 2 s on.
    messages = stem(song, song.notes, 4.0, 3.0)
    kept = [(at, m.type, m.note) for at, m in messages if m.type.startswith("note")]
    assert kept == [(0.0, "note_on", 50), (0.5, "note_on", 60), (1.5, "note_off", 50), (5.0, "note_off", 60)]
    first = [message.type for at, message in messages if at == 0 and not message.is_meta]
    assert first == ["program_change", "pitchwheel", "note_on"]
    for time in (5.0, 5.5):
        silenced = {
            (m.channel, m.control, m.value) for at, m in messages if m.type == "control_change" and at == time
        }
        assert silenced == {(channel, control, 0) for channel in range(16) for control in (64, 123, 120)}


def test_drums_are_not_struck_again_at_the_begin():
    song = read_midi(midi_bytes([[(0, on(36, 9)), (9, on(38, 9)), (1, off(36, 9)), (1, off(38, 9))]]), "song")
    kept = [m.note for _, m in stem(song, song.notes, 3.0, 3.0) if m.type == "note_on"]
    assert kept == [38]


def test_a_note_of_no_length_still_ends_after_its_begin():
    song = read_midi(
        midi_bytes([[(0, on(60)), (0.001, off(60)), (4, on(61)), (1, off(61))]], 1, 9600), "song"
    )
    kept = [m.type for _, m in stem(song, song.notes[:1], 0.0, 2.0) if m.type.startswith("note")]
    assert kept == ["note_on", "note_off"]


def test_the_mixture_is_the_exact_sum_at_the_levels_asked_for():
    rng = np.random.default_rng(0)
    stems = {
        "drums": 1e-3 * rng.standard_normal((44100, 2)),
        "bass": 0.4 * rng.standard_normal((44100, 2)),
        "other": rng.standard_normal((44100, 2)) * (np.arange(44100) < 11025)[:, np.newaxis],
    }
    coded, mixture = mix_stems(stems, np.random.default_rng(1))
    assert mixture.dtype == "int16"
    np.testing.assert_array_equal(mixture, sum(audio.astype("int64") for audio in coded.values()))
    peak = max(np.abs(audio.astype(int)).max() for audio in (mixture, *coded.values()))
    assert abs(peak - 0.9 * 32768) <= 2
    levels = {name: sounding_level_db(audio) for name, audio in coded.items()}
    drawn = np.random.default_rng(1).uniform(-2, 2, 3)
    assert levels["bass"] - levels["drums"] == pytest.approx(-1 + drawn[1] - drawn[0], abs=0.1)
    assert levels["other"] - levels["drums"] == pytest.approx(drawn[2] - drawn[0], abs=0.1)
    again, _ = mix_stems(stems, np.random.default_rng(1))
    np.testing.assert_array_equal(again["bass"], coded["bass"])


def test_levels():
    tone = np.full((44100, 2), 0.1)
    assert level_db(tone) == pytest.approx(-20)
    assert level_db(np.zeros((5, 2))) == -200
    tone[4410:] = 1e-4  # 60 dB below: a pause
    assert level_db(tone) == pytest.approx(-30, abs=0.1)
    assert sounding_level_db(tone) == pytest.approx(-20)


def test_a_melody_is_the_lead_and_chords_are_not():
    song = read_midi(small_song(bars=4), "song")
    other = [note for note in song.notes if note.source == "other"]
    melody = [note for note in other if note.channel == 0]
    assert lead_score(melody, song.secs) == pytest.approx(5 / 6)  # five pitches of six
    assert lead_score([note for note in other if note.channel == 2], song.secs) < 0.3
    assert lead_score(melody[:5], song.secs) == 0
    assert find_lead(other, song.secs) == 0
    assert find_lead(melody, song.secs) is None  # nothing would be left
    assert find_lead([note for note in other if note.channel == 2], song.secs) is None


def test_the_sung_line_is_the_top_of_the_chords_in_a_singers_range():
    high = [note + 24 for note in MELODY]
    song = read_midi(midi_bytes([played(0, [(note - 12, note) for note in high], 1)]), "song")
    line = sung_line(song.notes, 1.0, 2.0, np.random.default_rng(0))
    shift = line.melody[0].pitch - high[2]
    assert shift % 12 == 0 and shift < 0
    # A beat lasts half a second: from 1 s on there are four.
    assert [note.pitch for note in line.melody] == [pitch + shift for pitch in high[2:6]]
    assert [note.start for note in line.melody] == [0.0, 0.5, 1.0, 1.5]
    assert all(note.secs == pytest.approx(0.5) for note in line.melody)
    assert line == sung_line(song.notes, 1.0, 2.0, np.random.default_rng(0))
    assert sung_line([], 0.0, 2.0, np.random.default_rng(0)).melody == ()
