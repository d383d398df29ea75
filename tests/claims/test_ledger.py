"""Rows are appended whole and once."""

import concurrent.futures
import dataclasses

import pytest

from keras_d3.claims import append_row, config_sha256, read_ledger
from keras_d3.utils import code_version
from keras_d3.utils.code_checksum import code_without_comments
from recipes.d3net_mss.config import RECIPE
from tests.claims.made_up import row, rows


def test_rows_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "results" / "ledger.jsonl"
    written = rows([0, 1])
    assert all(append_row(path, one) for one in written)
    assert read_ledger(path) == written


def test_a_run_is_never_there_twice(tmp_path):
    path = tmp_path / "ledger.jsonl"
    assert append_row(path, row("good", 0))
    assert not append_row(path, row("good", 0, level=1.0, total_secs=5.0))
    others = [
        {"seed": 1},
        {"code": "f" * 12},
        {"corpus": "d" * 64},
        {"config_sha256": "x"},
        {"target": "bass"},
    ]
    assert all(append_row(path, dataclasses.replace(row("good", 0), **change)) for change in others)
    assert len(read_ledger(path)) == 1 + len(others)


def test_rows_of_many_writers_at_once(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda seed: append_row(path, row("good", seed % 10)), range(40)))
    assert sum(wrote) == 10 and sorted(one.seed for one in read_ledger(path)) == list(range(10))


def test_broken_ledgers(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(FileNotFoundError, match="No ledger at .*recipes.claims NAME"):
        read_ledger(path)
    append_row(path, row("good", 0))
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"recipe": "made_up", "con')
    with pytest.raises(ValueError, match="Line 2 of the ledger .* is broken .*Remove that line"):
        read_ledger(path)
    with pytest.raises(ValueError, match="JSON compliant"):
        append_row(tmp_path / "other.jsonl", row("good", 0, measurements={"x": float("nan")}))


def test_the_version_of_the_code_is_that_of_what_it_does():
    code = 'def f(x):\n    """Doubles."""\n    return 2 * x  # twice\n'
    same = "def f(x):\n    return (2 * x)\n"
    assert code_without_comments(code) == code_without_comments(same)
    assert code_without_comments(code) != code_without_comments(same.replace("2", "3"))
    assert code_without_comments('def f():\n    """Nothing."""\n') == "def f():\n    pass"
    assert len(code_version()) == 12 and int(code_version(), 16) >= 0


def test_the_checksum_of_a_config_leaves_its_seeds_out():
    config = RECIPE.config("small", target="drums")
    seeded = RECIPE.config("small", ["training.seed=3", "data.seed=3"], target="drums")
    other = RECIPE.config("small", ["training.steps_per_epoch=3"], target="drums")
    assert config_sha256(config) == config_sha256(seeded) != config_sha256(other)
