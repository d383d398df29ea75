"""MIDI files into a folder of songs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from keras_d3.utils import check_choice, check_positive_int, sha256_of_file
from tfrecords_tools.midi.festival import find_festival
from tfrecords_tools.midi.fluidsynth import check_soundfont, find_fluidsynth
from tfrecords_tools.midi.jobs import render_songs
from tfrecords_tools.midi.render import SINGERS, SongRequest
from tfrecords_tools.midi.song import read_midi


def render_midi_files(
    files: Sequence[str | Path],
    soundfont: str | Path,
    out: str | Path,
    secs: float = 60.0,
    seed: int = 0,
    lead: bool = False,
    limit_secs: float = 600.0,
    workers: int | None = None,
    singer: str = SINGERS[0],
    log: Callable[[str], None] = lambda line: None,
) -> tuple[int, int]:
    """Renders MIDI songs to `out/<name of the file>/{mixture,drums,bass,other}.wav`.

    Drums are channel 10, bass General MIDI's programs 33 to 40, other the rest. Of each song that excerpt is
    taken in which the scarcest of them plays most. Songs that are there are kept.

    Args:
        files: sequence of str or Path, Standard MIDI Files.
        soundfont: str or Path.
        out: str or Path, the folder.
        secs: float, length of the excerpts; shorter songs are rendered whole.
        seed: int, of levels and voice.
        lead: bool, whether the lead is sung, as a source "vocals".
        limit_secs: float, time limit of rendering a stem.
        workers: int, processes. None: one per core.
        singer: str, who sings the lead: "synthetic", the demo's voice, or "festival", a program.
        log: callable that receives lines of text for the user.

    Returns:
        `(songs, written)`: number of songs, and of those written by this call.

    Raises:
        FileNotFoundError: no such MIDI file or SoundFont.
        ValueError: a broken file, two files of one name, arguments out of range, a folder that holds
            something else, or, after all others are rendered, a song without drums, bass or other.
        RuntimeError: fluidsynth or festival is missing, fails, or takes too long.
    """
    check_rendering(secs, seed, limit_secs)
    check_choice("singer", singer, SINGERS)
    if lead and singer == "festival":
        find_festival()
    songs = {}
    for path in map(Path, files):
        if not path.is_file():
            raise FileNotFoundError(f"No MIDI file at `{path}`. Check `--midi`.")
        if path.stem in songs:
            raise ValueError(
                f"Two MIDI files named `{path.stem}`. Rename one, or use another `--out` for it."
            )
        songs[path.stem] = path.read_bytes()
        read_midi(songs[path.stem], str(path))
    soundfont = check_soundfont(soundfont)
    checksum, renderer = sha256_of_file(soundfont), f"fluidsynth {find_fluidsynth()[1]}"
    requests = [
        SongRequest(
            str(Path(out) / name), name, midi, str(soundfont), checksum, renderer,
            secs, seed, lead, singer, limit_secs,
        )
        for name, midi in songs.items()
    ]  # fmt: skip
    facts, left_out, written = render_songs(requests, workers)
    for folder, known in facts.items():
        log(f"{Path(folder).name}: {known['secs']:g} s from {known['begin_secs']:g} s on")
    if left_out:
        reasons = "; ".join(f"`{Path(folder).name}`: {reason}" for folder, reason in left_out.items())
        raise ValueError(
            f"{len(left_out)} of {len(songs)} songs cannot be rendered to stems ({reasons}). "
            "Leave them out of `--midi`; the others are finished."
        )
    return len(facts), written


def check_rendering(secs: float, seed: int, limit_secs: float, name: str = "secs") -> None:
    """Checks arguments of a rendering.

    Raises:
        ValueError: one is out of range.
    """
    if not 1 <= secs <= 600:
        raise ValueError(f"`{name}` must be between 1 and 600 seconds. Received: {name}={secs!r}.")
    if not limit_secs > 0:
        raise ValueError(f"`limit_secs` must be more than 0 seconds. Received: limit_secs={limit_secs!r}.")
    check_positive_int("seed", seed, 0)
