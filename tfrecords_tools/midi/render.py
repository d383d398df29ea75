"""Renders one MIDI song to a folder of stems."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from keras_d3.audio import from_pcm16, write_audio
from keras_d3.utils import atomic_path, read_json, write_json
from tfrecords_tools.midi.excerpt import choose_excerpt
from tfrecords_tools.midi.festival import sing_with_festival
from tfrecords_tools.midi.fluidsynth import render_midi
from tfrecords_tools.midi.lead import find_lead, sung_line
from tfrecords_tools.midi.levels import MIN_LEVEL_DB, level_db, mix_stems
from tfrecords_tools.midi.song import MidiSong, read_midi
from tfrecords_tools.midi.stem_file import preroll_secs, stem_midi
from tfrecords_tools.synth.signal import SAMPLE_RATE
from tfrecords_tools.synth.voice import play_voice

SOURCES = ("drums", "bass", "other")
LEAD = "vocals"
# The demo's voice, and a program whose voice no song has that the other one sings.
SINGERS = ("synthetic", "festival")
FACTS_FILE = "song.json"
# Raise it when the same request gives other audio: songs of an older recipe are then refused, not mixed in.
RECIPE = 1


class UnsuitableSongError(ValueError):
    """A song that cannot give all of the stems; others can still be rendered."""


@dataclasses.dataclass(frozen=True)
class SongRequest:
    """A song to render.

    Args:
        folder: str, the song's folder, to be made.
        name: str, for messages.
        midi: bytes of the MIDI file.
        soundfont, soundfont_sha256: str, path and checksum.
        renderer: str, program and version.
        secs: float, length of the excerpt; a shorter song is rendered whole.
        seed: int, of levels and voice.
        lead: bool, whether the lead is sung, as a source "vocals".
        singer: str, who sings it, one of `SINGERS`.
        limit_secs: float, time limit of a rendering process.
        origin: tuple of `(key, value)` of strings, facts for the manifest.
    """

    folder: str
    name: str
    midi: bytes
    soundfont: str
    soundfont_sha256: str
    renderer: str
    secs: float
    seed: int = 0
    lead: bool = False
    singer: str = SINGERS[0]
    limit_secs: float = 600.0
    origin: tuple[tuple[str, str], ...] = ()

    def description(self) -> dict:
        """Returns all that the audio depends on, JSON-ready."""
        return {
            **dict(self.origin),
            "midi_sha256": hashlib.sha256(self.midi).hexdigest(),
            "soundfont": Path(self.soundfont).name,
            "soundfont_sha256": self.soundfont_sha256,
            "renderer": self.renderer,
            "asked_secs": float(self.secs),
            "seed": self.seed,
            "lead": self.lead,
            **({"singer": self.singer} if self.lead else {}),
            "recipe": RECIPE,
        }


def finished_facts(request: SongRequest) -> dict | None:
    """Returns the facts of a song that is already rendered, or None if there is no such folder.

    Raises:
        ValueError: the folder holds something else.
    """
    folder = Path(request.folder)
    if not folder.exists():
        return None
    if not (folder / FACTS_FILE).is_file():
        raise ValueError(f"`{folder}` is there and no rendered song. Remove it, or choose another `--out`.")
    facts = read_json(folder / FACTS_FILE, "description of a song")
    wanted = request.description()
    differing = [key for key in wanted if facts.get(key) != wanted[key]]
    if differing:
        shown = "; ".join(f"{key}: {facts.get(key)!r} there, {wanted[key]!r} asked for" for key in differing)
        raise ValueError(
            f"`{folder}` was rendered from another request ({shown}). Remove it, or choose another `--out`."
        )
    return facts


def render_song(request: SongRequest) -> dict:
    """Renders a song into its folder and returns its facts, which are in `song.json` there, too.

    `mixture.wav` and a file per source, 44.1 kHz, stereo, 16 bit; the mixture is the sum of the sources,
    exactly. The same request gives the same bytes.

    Raises:
        UnsuitableSongError: a source has no notes, or is below -40 dB as rendered; with `lead`, no
            channel can be sung.
        ValueError: a broken MIDI file.
        RuntimeError: fluidsynth fails.
    """
    song = read_midi(request.midi, request.name)
    begin, secs = _excerpt(song, request)
    # The melody, the voice and the levels draw from generators of their own: none depends on the others.
    key = (request.seed, int(song.sha256[:16], 16))
    parts, stems, facts = _parts(song, begin, secs), {}, {"begin_secs": begin, "secs": round(secs, 3)}
    if request.lead:
        facts["lead_channel"], stems[LEAD] = _sing_lead(parts, begin, secs, key, request)
    stems = {source: _render(song, parts[source], source, begin, secs, request) for source in SOURCES} | stems
    facts["rendered_db"] = {source: round(level_db(audio), 2) for source, audio in stems.items()}
    for source, level in facts["rendered_db"].items():
        if level < MIN_LEVEL_DB:
            raise UnsuitableSongError(
                f"its {source!r} is rendered at {level:.1f} dB, below {MIN_LEVEL_DB:g} dB"
            )
    coded, mixture = mix_stems(stems, np.random.default_rng((*key, 0)))
    audio = {"mixture": from_pcm16(mixture)} | {source: from_pcm16(stem) for source, stem in coded.items()}
    facts["level_db"] = {name: round(level_db(samples), 2) for name, samples in audio.items()}
    facts["peak"] = round(float(np.abs(audio["mixture"]).max()), 4)
    facts = request.description() | facts
    with atomic_path(request.folder) as temporary:
        for name, samples in audio.items():
            write_audio(temporary / f"{name}.wav", samples, SAMPLE_RATE)
        write_json(temporary / FACTS_FILE, facts)
    return facts


def _excerpt(song, request):
    by_source = {source: [note for note in song.notes if note.source == source] for source in SOURCES}
    try:
        begin = choose_excerpt(by_source, song.secs, request.secs)
    except ValueError as error:
        raise UnsuitableSongError(str(error)) from error
    return begin, min(request.secs, song.secs - begin)


def _parts(song: MidiSong, begin, secs):
    """The notes that sound in an excerpt or in the time rendered before it, by source."""
    start = begin - preroll_secs(begin)
    near = [note for note in song.notes if note.end_secs > start and note.start_secs < begin + secs]
    return {source: [note for note in near if note.source == source] for source in SOURCES}


def _sing_lead(parts, begin, secs, key, request):
    """Takes the lead out of `other`; returns its channel, counted from 1, and what the voice sings."""
    channel, festival = find_lead(parts["other"], secs), request.singer == "festival"
    lead = [note for note in parts["other"] if note.channel == channel]
    line = sung_line(lead, begin, secs, np.random.default_rng((*key, 1)), always_low=festival)
    if not line.melody:
        raise UnsuitableSongError("it has no channel that can be sung")
    parts["other"] = [note for note in parts["other"] if note.channel != channel]
    rng = np.random.default_rng((*key, 2))
    if festival:
        return channel + 1, sing_with_festival(rng, line, request.limit_secs, request.name)
    return channel + 1, play_voice(rng, line)


def _render(song, notes, source, begin, secs, request):
    skipped, length = round(preroll_secs(begin) * SAMPLE_RATE), int(secs * SAMPLE_RATE)
    midi = stem_midi(song, notes, begin, secs)
    name = f"{request.name}, {source}"
    return render_midi(midi, request.soundfont, skipped + length, request.limit_secs, name)[skipped:]
