import argparse

import pytest

from keras_d3.utils import ALL_WORK, WorkShard, add_work_shard


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_work_shard(parser, "songs")
    return parser.parse_args(arguments).shard


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_parts_hold_every_item_once_and_are_of_one_size(count):
    parts = [WorkShard(number, count).of(range(10)) for number in range(1, count + 1)]
    assert sorted(sum(parts, [])) == list(range(10))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_option():
    assert parsed() == ALL_WORK and ALL_WORK.of("abc") == ["a", "b", "c"]
    assert parsed("--shard", "2/8") == WorkShard(2, 8)
    assert str(parsed("--shard", "2/8")) == "2/8"


@pytest.mark.parametrize("value", ["0/8", "9/8", "1/0", "1", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_part_is_refused(value, capsys):
    with pytest.raises(SystemExit):
        parsed(f"--shard={value}")
    assert "must be K/N" in capsys.readouterr().err
