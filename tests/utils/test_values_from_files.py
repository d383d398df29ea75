"""Values from files: names, rates, choices, and JSON that Python refuses."""

import pytest

from keras_d3.utils import check_choice, check_file_name, check_sample_rate, read_json


@pytest.mark.parametrize("name", ["a", "A - B...", "...wav", ".hidden", " ", "Ünï ✓", "a:b"])
def test_names_of_files(name):
    assert check_file_name("track", name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "a/b", "../a", "/etc/passwd", "a/", "a\0b", "\udce9", None, 3, ["a"], b"a"]
)
def test_what_is_no_name_of_a_file(name):
    with pytest.raises(
        ValueError, match="`track` must be a text that can be the name of a file.*Received: track"
    ):
        check_file_name("track", name)


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, '{"a": "\xff"}', "{"])
def test_json_that_python_refuses_in_other_ways(tmp_path, text):
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"The state `.*a.json` is not valid JSON .*Make it again"):
        read_json(tmp_path / "a.json", "state")


def test_values_without_a_hash_are_no_choice():
    with pytest.raises(ValueError, match=r"`kind` must be one of 'a'. Received: kind=\['a'\]"):
        check_choice("kind", ["a"], {"a": 1})


@pytest.mark.parametrize("rate", [0, -1, 7_000_000, 10**9, 44100.0, "44100", True, None])
def test_impossible_sample_rates(rate):
    with pytest.raises(
        ValueError, match="`rate` must be an integer of at least 1, and at most 768000. Received"
    ):
        check_sample_rate("rate", rate)
