import h5py
import pytest

from keras_d3.convert.readers.weight_files import find_weight_files

TARGETS = ("bass", "drums")


def write(path, *scopes):
    with h5py.File(path, "w") as file:
        for scope in scopes:
            file[f"{scope}/W"] = [1.0]


def test_a_file_per_target(tmp_path):
    for target in (*TARGETS, "vocals"):
        write(tmp_path / f"{target}.h5", target)
    assert find_weight_files(tmp_path, TARGETS) == {name: tmp_path / f"{name}.h5" for name in TARGETS}


def test_one_file_for_all(tmp_path):
    write(tmp_path / "all.h5", "bass", "drums", "vocals")
    write(tmp_path / "stranger.h5", "cat")
    for path in (tmp_path, tmp_path / "all.h5"):
        assert find_weight_files(path, TARGETS) == dict.fromkeys(TARGETS, tmp_path / "all.h5")


def test_files_that_are_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="No weights at .*nowhere"):
        find_weight_files(tmp_path / "nowhere", TARGETS)
    with pytest.raises(FileNotFoundError, match=r"missing in .*: bass.h5, drums.h5. Received: no .h5 file"):
        find_weight_files(tmp_path, TARGETS)
    write(tmp_path / "bass.h5", "bass")
    with pytest.raises(FileNotFoundError, match=r"missing in .*: drums.h5. Received: bass.h5. .*--sources"):
        find_weight_files(tmp_path, TARGETS)


def test_scopes_that_do_not_fit(tmp_path):
    write(tmp_path / "a.h5", "bass")
    message = "must have the root scopes bass, drums, .*Received: a.h5 with bass. Keep one"
    for path in (tmp_path, tmp_path / "a.h5"):
        with pytest.raises(ValueError, match=message):
            find_weight_files(path, TARGETS)
    write(tmp_path / "a.h5", *TARGETS)
    write(tmp_path / "b.h5", *TARGETS)
    with pytest.raises(ValueError, match="Received: a.h5 with bass, drums; b.h5 with bass, drums. Keep one"):
        find_weight_files(tmp_path, TARGETS)
    (tmp_path / "b.h5").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="b.h5` must be an HDF5 file"):
        find_weight_files(tmp_path, TARGETS)
