"""Names of the stems' folders: never a way out of the folder of all songs."""

from pathlib import Path

import pytest

from keras_d3.separation import song_name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("album/A - B.wav", "A - B"),
        ("A.stem.mp4", "A"),
        ("...wav", "...wav"),
        ("..wav", "..wav"),
        ("....mp3", "....mp3"),
        (". .mp3", ". .mp3"),
        ("..stem.mp4", "..stem.mp4"),
        (".stem.mp4", ".stem"),
        (".hidden.wav", ".hidden"),
        ("1.2.flac", "1.2"),
        ("no suffix", "no suffix"),
        ("caf\udce9.wav", "caf\udce9"),
    ],
)
def test_song_names(file, name):
    assert song_name(file) == song_name(Path("deep") / file) == name
    assert (Path("out") / name).resolve().parent == Path("out").resolve()


def test_folders_are_named_by_what_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert song_name("..") == tmp_path.parent.name
    assert song_name(".") == tmp_path.name
