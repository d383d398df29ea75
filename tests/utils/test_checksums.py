import json
import resource

import pytest

from keras_d3.utils import (
    WriteError,
    read_checked_json,
    with_checksum,
    without_checksum,
    write_checked_json,
    write_errors,
    write_json,
)

VALUES = {"epoch": 3, "loss": 1e-3, "names": ["a", "\u00e4"], "none": None}


def test_layout_does_not_count_and_values_do():
    text = json.dumps(with_checksum(VALUES))
    assert without_checksum(json.loads(text), "state") == VALUES
    assert without_checksum(json.loads(json.dumps(json.loads(text), indent=8, sort_keys=True)), "") == VALUES
    for change in ({"epoch": 4}, {"epoch": 3.0}, {"more": 1}, {"checksum": None}):
        with pytest.raises(ValueError, match="The state `x` is damaged, or was changed.*remove its entry"):
            without_checksum({**json.loads(text), **change}, "state `x`")


def test_a_checksum_under_another_name_is_damage():
    changed = {name.replace("checksum", "checjsum"): value for name, value in with_checksum(VALUES).items()}
    with pytest.raises(ValueError, match="The state `x` is damaged"):
        without_checksum(changed, "state `x`")
    assert without_checksum({**VALUES, "sha256": 64 * "0"}, "weights")["sha256"] == 64 * "0"


def test_checked_files_are_read_as_they_were_written(tmp_path):
    write_checked_json(tmp_path / "a.json", {**VALUES, "by_number": {10: (1, 2), 9: 0.1}})
    assert read_checked_json(tmp_path / "a.json") == {**VALUES, "by_number": {"10": [1, 2], "9": 0.1}}
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("0.1", "0.2"))
    with pytest.raises(ValueError, match="The state `.*a.json` is damaged, or was changed"):
        read_checked_json(tmp_path / "a.json", "state")


def test_files_without_a_checksum_pass():
    assert without_checksum(VALUES, "state") == VALUES
    assert without_checksum([1], "state") == [1]


def test_what_cannot_be_written_is_named(tmp_path):
    """A limit of a file's size stands for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WriteError, match="a.json` could not be written: .*File too large. Free the disk"):
            write_json(tmp_path / "a.json", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_errors_that_say_enough_pass():
    for error in (FileNotFoundError(2, "No such file", "b"), WriteError("`b` could not"), KeyError("b")):
        with pytest.raises(type(error)) as raised:
            with write_errors("a", RuntimeError):
                raise error
        assert raised.value is error
    with pytest.raises(WriteError, match="`a` could not be written: System error. Free the disk"):
        with write_errors("a", RuntimeError):
            raise RuntimeError("{{function_node of TensorFlow}} System error.\n\nStack trace")
