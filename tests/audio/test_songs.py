import pytest

from keras_d3.audio import find_songs, safe_name


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_files_directories_and_patterns(tmp_path):
    touch(tmp_path, "a/x.wav", "a/b/x.FLAC", "a/b/cover.jpg", "a/.x.wav", "a/.trash/y.wav", "a/@eaDir/z.mp3")
    touch(tmp_path, "a/stems/x/vocals.wav", "c/1.mp3", "c/2.mp3", "c/[1].mp3", "notes.xyz")
    arguments = [tmp_path / "notes.xyz", tmp_path / "a", f"{tmp_path}/c/*.mp3", tmp_path / "gone.wav"]
    songs = find_songs(arguments, outside=tmp_path / "a" / "stems")
    assert [(str(song.path.relative_to(tmp_path)), song.name) for song in songs] == [
        ("notes.xyz", "notes"),
        ("a/b/x.FLAC", "b/x"),
        ("a/x.wav", "x"),
        ("c/1.mp3", "1"),
        ("c/2.mp3", "2"),
        ("c/[1].mp3", "[1]"),
        ("gone.wav", "gone"),
    ]
    # A file of that very name is no pattern, and a song that is named twice is one.
    twice = find_songs([tmp_path / "c" / "[1].mp3", tmp_path / "c"])
    assert [song.name for song in twice] == ["[1]", "1", "2"]
    assert len(find_songs([f"{tmp_path}/a/**/*.wav"])) == 2


def test_results_beside_the_songs(tmp_path):
    """Stems of an earlier run are no songs, wherever they lie."""
    touch(tmp_path, "a/x.wav", "a/y.wav", "a/x/vocals.wav")
    for outside in (tmp_path / "a", tmp_path):
        with pytest.raises(ValueError, match="`.*a` must not lie in that of the results.*or name the files"):
            find_songs([tmp_path / "a"], outside=outside)
        # Whoever writes a pattern says which files.
        assert [song.name for song in find_songs([f"{tmp_path}/a/*.wav"], outside)] == ["x", "y"]
    songs = find_songs([f"{tmp_path}/a/**/*.wav"], outside=tmp_path / "a" / "x")
    assert [song.name for song in songs] == ["x", "y"]
    assert [song.name for song in find_songs([f"{tmp_path}/*/*/v*.wav"])] == ["a/x/vocals"]
    assert len(find_songs([tmp_path / "a" / "x" / "vocals.wav"], outside=tmp_path)) == 1


def test_nothing_found(tmp_path):
    touch(tmp_path, "cover.jpg")
    with pytest.raises(FileNotFoundError, match="No audio files in the directory .*have to be named"):
        find_songs([tmp_path])
    with pytest.raises(FileNotFoundError, match=r"No files match `.*\*.wav`. Check the pattern"):
        find_songs([tmp_path / "*.wav"])


def test_names_lead_nowhere(tmp_path):
    assert find_songs([tmp_path / "...wav"])[0].name == "...wav"
    assert find_songs([tmp_path / "..mp3"])[0].name == "..mp3"
    assert safe_name("..") == "__" and safe_name(".") == "_" and safe_name("") == "_"
    assert safe_name("AC/DC\\x\0") == "AC_DC_x_" and safe_name("...a") == "...a"
