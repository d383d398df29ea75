"""The demo corpus: short songs from a seed, in MUSDB18-HQ's folder layout, and one real song."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from keras_d3.audio import decode_with_ffmpeg, find_ffmpeg, from_pcm16, write_audio
from keras_d3.utils import atomic_path, check_positive_int, read_json, write_json
from tfrecords_tools.processes import run_in_processes
from tfrecords_tools.synth.bass import play_bass
from tfrecords_tools.synth.drums import play_drums
from tfrecords_tools.synth.harmony import play_harmony
from tfrecords_tools.synth.score import compose
from tfrecords_tools.synth.signal import SAMPLE_RATE, edges
from tfrecords_tools.synth.voice import play_voice

SOURCES = ("drums", "bass", "other", "vocals")
PLAYERS = {"drums": play_drums, "bass": play_bass, "other": play_harmony, "vocals": play_voice}
# RMS of the sources before the common gain, in dB below full scale, and how far it varies from song to song.
LEVELS_DB = {"drums": -19.0, "bass": -20.0, "other": -21.5, "vocals": -19.5}
LEVEL_SPREAD_DB = 1.5
NUM_VALIDATION = 2
# Where stempeg's excerpt was cut, its AAC streams decode to clicks at full scale: stay between them.
REAL_BEGIN_SECS, REAL_END_SECS = 0.05, 6.0
# Part of the corpus, and of reports that play the song.
ATTRIBUTION_FILE = "ATTRIBUTION.txt"
REAL_ATTRIBUTION = (
    "The test song with real stems is an excerpt of a song by The Easton Ellises "
    "(https://www.heise.de/ct/artikel/c-t-Remix-Wettbewerb-The-Easton-Ellises-2542427.html), licensed under "
    "CC BY-NC-SA 3.0 (https://creativecommons.org/licenses/by-nc-sa/3.0/): credit the artist, no commercial "
    "use, share alike. It is shipped by the Python package stempeg, and shortened here."
)
SYNTHETIC_ATTRIBUTION = "All songs with invented names are made by keras-d3."
RECIPE = 1  # raise it when the songs of a seed change: an older corpus is then refused, not mixed in

# Shorter corpora are made in one process: guessed, several take seconds to start.
MIN_SECS_IN_PROCESSES = 30.0
# Invented names; every artist and every title is used once.
ARTISTS_FIRST = "Copper Quiet Paper Northern Velvet Glass Second Winter Hollow Amber".split()
ARTISTS_LAST = "Lanterns Harbour Engines Meridian Sparrows Avenue Satellites Orchard".split()
TITLES_FIRST = "Leaving Under Almost Between After Beyond Counting Finding Losing Until".split()
TITLES_LAST = "Tides,Tomorrow,the Lights,Silence,Summer,the Signal,Midnight,the River".split(",")


def make_demo_corpus(
    out: str | Path,
    num_train: int = 10,
    num_test: int = 3,
    train_secs: float = 12.0,
    test_secs: float = 6.5,
    seed: int = 0,
    real_stems: bool = True,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, int]:
    """Makes the corpus; songs that are already there are kept.

    `out/train/<Artist - Title>/{mixture,drums,bass,other,vocals}.wav`, `out/test/...`
    likewise (44.1 kHz, stereo, PCM16, the mixture being exactly the sum of the
    sources), the song that the stempeg package ships as a test song of its own,
    `validation_tracks.txt` with the last two training songs, and `ATTRIBUTION.txt`
    with credit and license of the audio.

    Args:
        out: str or Path, the folder.
        num_train, num_test: int, numbers of synthetic songs.
        train_secs, test_secs: float, their lengths in seconds.
        seed: int, random seed for all songs.
        real_stems: bool, whether to add stempeg's song (needs ffmpeg).
        log: callable that receives lines of text for the user.

    Returns:
        Dict of `songs` (int, number of songs) and `written` (int, number of those written by this call).

    Raises:
        ValueError: numbers out of range, or `out` holds a corpus of other arguments.
        RuntimeError: no ffmpeg, or no stempeg.
    """
    check_positive_int("num_train", num_train, NUM_VALIDATION + 1)
    check_positive_int("num_test", num_test)
    check_positive_int("seed", seed, 0)
    for name, secs in (("train_secs", train_secs), ("test_secs", test_secs)):
        if not 1 <= secs <= 600:
            raise ValueError(f"`{name}` must be between 1 and 600 seconds. Received: {name}={secs!r}.")
    if real_stems:
        _check_real_stems()
    out = Path(out)
    request = {
        "recipe": RECIPE,
        "num_train": num_train,
        "num_test": num_test,
        "train_secs": float(train_secs),
        "test_secs": float(test_secs),
        "seed": seed,
        "real_stems": bool(real_stems),
    }
    _check_request(out, request)
    names = song_names(seed, num_train + num_test)
    songs = [("train", name, train_secs) for name in names[:num_train]]
    songs += [("test", name, test_secs) for name in names[num_train:]]
    write_json(out / "corpus.json", request)
    with atomic_path(out / "validation_tracks.txt") as temporary:
        temporary.write_text("".join(f"{name}\n" for name in names[num_train - NUM_VALIDATION : num_train]))
    attribution = f"{REAL_ATTRIBUTION} {SYNTHETIC_ATTRIBUTION}" if real_stems else SYNTHETIC_ATTRIBUTION
    with atomic_path(out / ATTRIBUTION_FILE) as temporary:
        temporary.write_text(f"{attribution}\n", encoding="utf-8")
    jobs = [
        (out / split / name, (seed, number), secs)
        for number, (split, name, secs) in enumerate(songs)
        if not (out / split / name).is_dir()
    ]
    with tqdm(total=len(songs), initial=len(songs) - len(jobs), desc="demo songs", unit="song") as bar:
        workers = None if sum(secs for *_, secs in jobs) > MIN_SECS_IN_PROCESSES else 1
        for _ in run_in_processes(_make_and_write, jobs, workers):
            bar.update()
    written = len(jobs)
    if real_stems:
        written += _write_real_song(out / "test", log)
    return {"songs": len(songs) + bool(real_stems), "written": written}


def _make_and_write(job):
    """Writes one song. Runs in a process of its own."""
    folder, seed, secs = job
    _write_song(folder, make_song(np.random.default_rng(seed), secs))


def make_song(rng: np.random.Generator, secs: float) -> dict[str, np.ndarray]:
    """Returns a song's sources, `{source: int16 (time, 2)}` at 44.1 kHz, whose sum peaks near 0.9.

    Args:
        rng: `numpy.random.Generator`; the same state gives the same song.
        secs: float, length in seconds.
    """
    score = compose(rng, secs)
    sources = {}
    for name in SOURCES:
        track = PLAYERS[name](rng, score)
        level_db = LEVELS_DB[name] + rng.uniform(-LEVEL_SPREAD_DB, LEVEL_SPREAD_DB)
        track *= 10 ** (level_db / 20) / (np.sqrt(np.mean(track**2)) + 1e-9)
        sources[name] = track * edges(len(track), 0.002, 0.3)[:, np.newaxis]
    gain = rng.uniform(0.82, 0.92) / np.abs(sum(sources.values())).max()
    return {name: np.rint(32768 * gain * track).astype("int16") for name, track in sources.items()}


def song_names(seed: int, count: int) -> list[str]:
    """Returns `count` different names, "Artist - Title".

    Raises:
        ValueError: there are fewer names than that.
    """
    artists = [f"{first} {last}" for first in ARTISTS_FIRST for last in ARTISTS_LAST]
    titles = [f"{first} {last}" for first in TITLES_FIRST for last in TITLES_LAST]
    if count > len(artists):
        raise ValueError(f"`num_train` + `num_test` must be at most {len(artists)}. Received: {count}.")
    rng = np.random.default_rng((seed, 2**32 - 1))
    pairs = zip(rng.permutation(artists)[:count], rng.permutation(titles)[:count], strict=True)
    return [f"{artist} - {title}" for artist, title in pairs]


def _check_request(out, request):
    path = out / "corpus.json"
    if path.is_file():
        saved = read_json(path, "description of the demo corpus")
        differing = [key for key in request if saved.get(key) != request[key]]
        if differing:
            pairs = [f"{key}: {saved.get(key)!r} there, {request[key]!r} asked for" for key in differing]
            raise ValueError(
                f"`{out}` holds another demo corpus ({'; '.join(pairs)}). Choose another `--out`."
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"`{out}` is no demo corpus and not empty. Choose another `--out`.")


def _write_song(folder, sources):
    mixture = sum(track.astype("int32") for track in sources.values()).astype("int16")
    with atomic_path(folder) as temporary:
        for name, track in ({"mixture": mixture} | sources).items():
            write_audio(temporary / f"{name}.wav", from_pcm16(track), SAMPLE_RATE)


def _check_real_stems():
    try:
        find_ffmpeg()
        import stempeg  # noqa: F401  (it raises where ffmpeg is missing)
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(
            f"The real song of the demo corpus comes from stempeg and is read by ffmpeg: {error} "
            "Or leave it out: `--no-real-stems`."
        ) from error


def _write_real_song(test_folder, log):
    import stempeg

    path = Path(stempeg.example_stem_path())
    folder = test_folder / f"{path.name.removesuffix('.stem.mp4')} - real stems"
    if folder.is_dir():
        return 0
    with atomic_path(folder) as temporary:
        for stream, name in enumerate(("mixture", *SOURCES)):
            audio, sample_rate = decode_with_ffmpeg(path, stream)
            begin, end = int(REAL_BEGIN_SECS * sample_rate), int(REAL_END_SECS * sample_rate)
            write_audio(temporary / f"{name}.wav", audio[begin:end], sample_rate)
    log(f"Real stems: {folder.name} (The Easton Ellises, CC BY-NC-SA 3.0)")
    return 1
