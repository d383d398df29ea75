"""Builds the open corpus."""

from collections.abc import Callable
from pathlib import Path

from keras_d3.utils import atomic_path, optional_package, read_json, sha256_of_file, write_json
from tfrecords_tools.midi.festival import PACKAGES as SINGING_PACKAGES
from tfrecords_tools.midi.fluidsynth import check_soundfont, find_fluidsynth
from tfrecords_tools.midi.folder import check_rendering
from tfrecords_tools.midi.jobs import render_songs
from tfrecords_tools.midi.render import RECIPE, SongRequest
from tfrecords_tools.open_corpus.packages import MIDI_PACKAGES, RENDERER, require_packages
from tfrecords_tools.open_corpus.songs import SPLITS, midi_of, read_songs

# No sample of the test songs is heard in training: the two SoundFonts share no stretch of 64 samples.
SOUNDFONTS = {
    "train": ("fluid-soundfont-gm", "/usr/share/sounds/sf2/FluidR3_GM.sf2", "MIT"),
    "test": ("timgm6mb-soundfont", "/usr/share/sounds/sf2/TimGM6mb.sf2", "GPL-2"),
}
# Who sings where leads are sung: the test songs have a voice that training has not.
SINGER_OF = {"train": "synthetic", "validation": "synthetic", "test": "festival"}
SOUNDFONT_OF = {"train": "train", "validation": "train", "test": "test"}
# MUSDB18-HQ has no folder for validation songs: they are training songs with their names in a list.
FOLDER_OF = {"train": "train", "validation": "train", "test": "test"}
MANIFEST_FILE, VALIDATION_FILE = "corpus.json", "validation_tracks.txt"


def make_open_corpus(
    out: str | Path,
    train_secs: float = 60.0,
    test_secs: float = 30.0,
    seed: int = 0,
    lead: bool = False,
    limit_secs: float = 600.0,
    workers: int | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> dict:
    """Makes a corpus from MIDI songs and SoundFonts of Debian's packages; finished songs are kept.

    `out/train/<Composer - Title>/{mixture,drums,bass,other}.wav`, `out/test/...` likewise,
    `validation_tracks.txt` with the validation songs of `train/`, and `corpus.json` with package, version,
    checksum, composer, license, excerpt and levels of each song. Splits are by composer; test songs
    are rendered with another SoundFont. A song whose MIDI data is not what the list was made from, that
    has too little of drums, bass or other, or (with `lead`) no lead, is left out, and the manifest says so.

    Args:
        out: str or Path, the folder.
        train_secs, test_secs: float, length of training songs, and of validation and test songs.
        seed: int, of levels and voice.
        lead: bool, whether the lead is sung, as a source "vocals": by the demo's voice, of test songs by
            festival's.
        limit_secs: float, time limit of rendering a stem.
        workers: int, processes. None: one per core.
        log: callable that receives lines of text for the user.

    Returns:
        The manifest, a dict.

    Raises:
        ValueError: arguments out of range, or `out` holds another corpus.
        ModuleNotFoundError: mido is not installed.
        RuntimeError: packages are missing, or fluidsynth fails.
    """
    check_rendering(train_secs, seed, limit_secs, "train_secs")
    check_rendering(test_secs, seed, limit_secs, "test_secs")
    optional_package("mido", "corpus", "Reading MIDI files")
    versions = require_packages(
        [
            RENDERER,
            *MIDI_PACKAGES,
            *(package for package, _, _ in SOUNDFONTS.values()),
            *(SINGING_PACKAGES if lead else ()),
        ]
    )
    out = Path(out)
    request = {
        "recipe": RECIPE, "train_secs": float(train_secs), "test_secs": float(test_secs),
        "seed": seed, "lead": lead, **({"singers": SINGER_OF} if lead else {}), "packages": versions,
    }  # fmt: skip
    _check_out(out, request)
    songs = read_songs()
    requests, left_out = _requests(out, songs, request, versions, limit_secs)
    write_json(out / MANIFEST_FILE, {"request": request})  # marks the folder before there are songs
    facts, unsuitable, written = render_songs(requests, workers)
    left_out |= {Path(folder).name: reason for folder, reason in unsuitable.items()}
    manifest = _manifest(songs, request, versions, facts, left_out)
    _write_lists(out, manifest)
    for name, reason in left_out.items():
        log(f"left out: {name}: {reason}")
    for split in SPLITS:
        chosen = [song for song in manifest["songs"] if song["split"] == split]
        people = {song["composer"] for song in chosen}
        minutes = sum(song["secs"] for song in chosen) / 60
        log(f"  {split}: {len(chosen)} songs of {len(people)} composers, {minutes:.1f} minutes")
    log(f"Open corpus in {out}: {len(facts)} songs, {written} of them written now.")
    return manifest


def _check_out(out, request):
    path = out / MANIFEST_FILE
    if path.is_file():
        saved = read_json(path, "description of the corpus").get("request", {})
        differing = [key for key in request if saved.get(key) != request[key]]
        if differing:
            pairs = "; ".join(
                f"{key}: {saved.get(key)!r} there, {request[key]!r} asked for" for key in differing
            )
            raise ValueError(f"`{out}` holds another corpus ({pairs}). Choose another `--out`.")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"`{out}` is no open corpus and not empty. Choose another `--out`.")


def _requests(out, songs, request, versions, limit_secs):
    """What to render, and the songs whose MIDI data is not there, with the reason."""
    renderer = f"{RENDERER} {find_fluidsynth()[1]}"
    fonts = {name: (check_soundfont(path), sha256_of_file(path)) for name, (_, path, _) in SOUNDFONTS.items()}
    midi, requests, left_out = midi_of(songs), [], {}
    for song in songs:
        soundfont, checksum = fonts[SOUNDFONT_OF[song.split]]
        secs = request["train_secs"] if song.split == "train" else request["test_secs"]
        wanted = SongRequest(
            str(out / FOLDER_OF[song.split] / song.name), song.name, midi.get(song.name, b""),
            str(soundfont), checksum, renderer, secs, request["seed"], request["lead"], SINGER_OF[song.split],
            limit_secs, (*song.origin(), ("package_version", versions[song.package])),
        )  # fmt: skip
        if song.name not in midi:
            left_out[song.name] = f"version {versions[song.package]} of {song.package} has no such song"
        elif wanted.description()["midi_sha256"] != song.midi_sha256:
            left_out[song.name] = f"version {versions[song.package]} of {song.package} has another song there"
        else:
            requests.append(wanted)
    return requests, left_out


def _manifest(songs, request, versions, facts, left_out):
    by_name = {Path(folder).name: known for folder, known in facts.items()}
    return {
        "request": request,
        "renderer": f"{RENDERER} {versions[RENDERER]}",
        "soundfonts": {
            name: {"package": package, "version": versions[package], "license": license_name}
            for name, (package, _, license_name) in SOUNDFONTS.items()
        },
        "songs": [{"name": song.name} | by_name[song.name] for song in songs if song.name in by_name],
        "left_out": left_out,
    }


def _write_lists(out, manifest):
    validation = [song["name"] for song in manifest["songs"] if song["split"] == "validation"]
    with atomic_path(out / VALIDATION_FILE) as temporary:
        temporary.write_text("".join(f"{name}\n" for name in validation), encoding="utf-8")
    write_json(out / MANIFEST_FILE, manifest)
