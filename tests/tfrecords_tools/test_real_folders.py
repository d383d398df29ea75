"""Folders as people have them: parts of sources, missing ones, lengths, system files, and faults."""

import shutil

import numpy as np
import pytest

from keras_d3.audio.files import read_audio, write_audio
from keras_d3.data import load_manifest, read_track
from tests.tfrecords_tools.conftest import make_song, noise
from tfrecords_tools.__main__ import main
from tfrecords_tools.audio_writer import RecordsConfig
from tfrecords_tools.faults import DataFaults, FaultList
from tfrecords_tools.track_checks import strange_sources


def folder(root, out, *options, validation=False):
    arguments = ["folder", "--root", str(root), "--out", str(out), "--block-samples", "400", *options]
    return main([*arguments, *([] if validation else ["--no-validation"])])


def tracks_of(out):
    manifest = load_manifest(out)
    return {split: [track.name for track in manifest.tracks(split)] for split in manifest.splits}


def audio_of(out, song, split="train"):
    return read_track(load_manifest(out), split, song)[0]


def test_files_in_the_folder_of_a_source_are_summed(tmp_path):
    root = tmp_path / "songs"
    make_song(root / "a", ("drums", "vocals"))
    make_song(root / "b", ("drums",))
    parts = {"lead": noise(5, 900), "choir 1": noise(6, 900, 1), "choir 2": noise(7, 900)}
    for name, audio in parts.items():
        write_audio(root / "b" / "vocals" / f"{name}.wav", audio, 8000)
    (root / "b" / "vocals" / "._lead.wav").write_bytes(b"x")
    (root / "b" / "artwork").mkdir()
    assert folder(root, tmp_path / "out") == 0
    expected = sum(read_audio(root / "b" / "vocals" / f"{name}.wav")[0] for name in parts)
    np.testing.assert_allclose(audio_of(tmp_path / "out", "b")["vocals"], expected, atol=0.6 / 32768)


def test_missing_sources_are_silent_where_asked(tmp_path, capsys):
    root = tmp_path / "songs"
    make_song(root / "a", ("drums", "vocals"))
    make_song(root / "b", ("drums",))
    make_song(root / "c", ("drums", "Vocals"))
    assert folder(root, tmp_path / "none") == 1
    error = capsys.readouterr().err
    assert "The data set has 3 faults:" in error and "`--missing-sources silence`" in error
    assert "b` has no Vocals, vocals, which" in error and "Only the case of Vocals differs" in error
    assert not (tmp_path / "none").exists()
    shutil.rmtree(root / "c")
    assert folder(root, tmp_path / "out", "--missing-sources", "silence") == 0
    audio = audio_of(tmp_path / "out", "b")
    assert not audio["vocals"].any() and audio["vocals"].shape == audio["drums"].shape
    np.testing.assert_array_equal(audio["mixture"], audio["drums"])
    # The silent source is part of what the records were made of.
    write_audio(root / "b" / "vocals.wav", noise(1, 900), 8000)
    assert folder(root, tmp_path / "out", "--missing-sources", "silence") == 1
    assert "holds records of another request" in capsys.readouterr().err


@pytest.mark.parametrize("with_mixture", [False, True])
def test_lengths_are_brought_to_one(tmp_path, capsys, with_mixture):
    root = tmp_path / "songs"
    make_song(root / "a")
    write_audio(root / "a" / "vocals.wav", noise(3, 893), 8000)
    if with_mixture:
        write_audio(root / "a" / "mixture.wav", noise(4, 896), 8000)
    assert folder(root, tmp_path / "none") == 1
    assert "Pad or cut them to one length" in (error := capsys.readouterr().err)
    assert "`--pad-or-truncate 0.1` does that for all songs" in error
    assert folder(root, tmp_path / "none", "--pad-or-truncate", "0.0001") == 1
    assert "They differ by 0.000875 s, and --pad-or-truncate allows 0.0001 s" in capsys.readouterr().err
    assert folder(root, tmp_path / "out", "--pad-or-truncate") == 0
    assert (
        "Warning: files were padded or cut at their ends to one length, in 1 song: a."
        in capsys.readouterr().out
    )
    audio = audio_of(tmp_path / "out", "a")
    length = 896 if with_mixture else 900
    assert {len(samples) for samples in audio.values()} == {length}
    vocals, _ = read_audio(root / "a" / "vocals.wav")
    np.testing.assert_array_equal(audio["vocals"][:893], vocals)
    assert not audio["vocals"][893:].any()
    np.testing.assert_array_equal(audio["drums"], read_audio(root / "a" / "drums.wav")[0][:length])
    with pytest.raises(ValueError, match="`pad_or_truncate_secs` must be a number of seconds, 0 or more"):
        RecordsConfig(pad_or_truncate_secs=-1.0)


def test_what_systems_leave_is_no_song(tmp_path, capsys):
    root = tmp_path / "songs"
    make_song(root / "a")
    for name in ("__MACOSX/a", "@eaDir", ".@__thumb", "$RECYCLE.BIN", "notes"):
        (root / name).mkdir(parents=True)
    make_song(root / ".@__thumb" / "a")
    for name in ("a/.DS_Store", "a/._drums.wav", "a/Thumbs.db", "notes/read me.txt", "desktop.ini"):
        (root / name).write_bytes(b"\0\5\x16\7")
    assert folder(root, tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "Left out, without audio files:" in out and "notes" in out and "MACOSX" not in out
    assert tracks_of(tmp_path / "out") == {"train": ["a"]}
    assert load_manifest(tmp_path / "out").sources == ("drums", "vocals")


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_validation_folders_under_other_names(tmp_path, name, capsys):
    root = tmp_path / "songs"
    make_song(root / "Train" / "a")
    make_song(root / name / "b")
    make_song(root / "extra" / "c")
    assert folder(root, tmp_path / "out", validation=True) == 0
    assert tracks_of(tmp_path / "out") == {"train": ["a"], "validation": ["b"]}
    assert "Left out, beside the folders of splits: extra." in capsys.readouterr().out


def test_dev_without_train_is_for_training(tmp_path, capsys):
    make_song(tmp_path / "songs" / "dev" / "a")
    make_song(tmp_path / "songs" / "test" / "b")
    assert folder(tmp_path / "songs", tmp_path / "out") == 0
    assert tracks_of(tmp_path / "out") == {"train": ["a"], "test": ["b"]}
    assert "dev` is taken for training" in capsys.readouterr().out


def test_mix_is_the_mixture_unless_it_is_asked_for(tmp_path, capsys):
    root = tmp_path / "songs"
    song = make_song(root / "a", ("source-01", "source-02"))
    total = sum(read_audio(song / f"source-0{n}.wav")[0] for n in (1, 2))
    write_audio(song / "mix.wav", total, 8000)
    assert folder(root, tmp_path / "out") == 0
    assert load_manifest(tmp_path / "out").sources == ("source-01", "source-02")
    np.testing.assert_allclose(audio_of(tmp_path / "out", "a")["mixture"], total, atol=1e-4)
    assert "Warning" not in capsys.readouterr().out
    assert folder(root, tmp_path / "three", "--sources", "source-01,source-02,mix") == 0
    out = capsys.readouterr().out
    assert "Warning: the source 'mix' is the sum of 'source-01' and 'source-02', in 1 song: a." in out
    assert "leave it out with `--sources`" in out
    write_audio(song / "mixture.wav", total, 8000)
    assert folder(root, tmp_path / "both") == 1
    assert "Two files for one source" in capsys.readouterr().err


def test_strange_sources():
    rng = np.random.default_rng(0)
    drums, bass, vocals = rng.standard_normal((3, 5000, 2))
    stems = {"drums": drums, "bass": bass, "vocals": vocals}
    assert strange_sources(stems, drums + bass + vocals) == []
    assert strange_sources({**stems, "silence": 0 * drums}) == []
    noisy = drums + bass + 0.05 * rng.standard_normal(drums.shape)
    assert strange_sources({**stems, "accompaniment": noisy}) == [
        "the source 'accompaniment' is the sum of 'drums' and 'bass'"
    ]
    assert strange_sources({**stems, "half": 0.5 * drums + bass}) == []
    assert strange_sources({"a": drums, "b": drums}) == ["the sources 'a' and 'b' are the same audio"]
    assert "not the sum of the sources" in strange_sources(stems, 0.5 * (drums + bass + vocals))[0]
    assert strange_sources({"stems": drums}, drums) == ["the only source 'stems' is the whole mixture"]
    # Long songs are compared by excerpts.
    long = rng.standard_normal((2, 700000, 1))
    assert strange_sources({"a": long[0], "b": long[1], "c": long.sum(0)}) == [
        "the source 'c' is the sum of 'a' and 'b'"
    ]


def test_faults_of_headers_are_listed_at_once(tmp_path, capsys):
    root = tmp_path / "songs"
    for name in "abcd":
        make_song(root / name)
    write_audio(root / "b" / "vocals.wav", noise(0, 899), 8000)
    write_audio(root / "c" / "vocals.wav", noise(0, 900), 4000)
    (root / "d" / "drums.wav").write_bytes(b"no audio")
    (root / "d" / "vocals.wav").write_bytes(b"")
    assert folder(root, tmp_path / "out") == 1
    error = capsys.readouterr().err
    for part in ("has 4 faults", "'b' has", "in 'c'", "drums.wav` cannot be read", "vocals.wav` is empty"):
        assert part in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers, shard_mb", [(1, 150), (1, 0.006), (2, 0.006)])
def test_faults_of_samples_are_listed_at_once(tmp_path, capsys, workers, shard_mb):
    """Found only when decoding: the songs after the first bad one are still looked at."""
    import soundfile

    root = tmp_path / "songs"
    for name in "abcd":
        make_song(root / name)
    for name in "bd":
        soundfile.write(root / name / "vocals.wav", np.full((900, 2), np.nan), 8000, subtype="FLOAT")
    options = ["--workers", str(workers), "--shard-mb", str(shard_mb)]
    assert folder(root, tmp_path / "out", *options) == 1
    error = capsys.readouterr().err
    assert (
        "The data set has 2 faults" in error
        and "b/vocals.wav` has NaN" in error
        and "d/vocals.wav` has" in error
    )
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_lists_of_faults():
    faults = FaultList()
    faults.raise_all()
    with faults.collected():
        raise FileNotFoundError("a")
    with pytest.raises(FileNotFoundError, match="^a$"):
        faults.raise_all()
    faults.add(DataFaults(("b", "c")))
    with pytest.raises(DataFaults, match=r"has 3 faults:\n  1. a\n  2. b\n  3. c$"):
        faults.raise_all()
    with pytest.raises(RuntimeError), faults.collected():
        raise RuntimeError("no ffmpeg")


def test_surround_is_refused_with_the_command(tmp_path, capsys):
    make_song(tmp_path / "songs" / "a", channels=3)
    assert folder(tmp_path / "songs", tmp_path / "out") == 1
    assert (
        "must be mono or stereo. It has 3 channels. Mix them down: `ffmpeg -i IN" in capsys.readouterr().err
    )
