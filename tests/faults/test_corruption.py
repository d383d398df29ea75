"""Damaged files are refused or read right; what no reader can know is named.

The campaign: `python -m tests.faults.corruption --faults 100 --out corruption.json`, or
`python -m pytest -m large tests/faults/test_corruption.py`.
"""

import json
import logging

import numpy as np
import pytest

from tests.faults.corruption import OUTCOMES, UNDETECTABLE, Target, as_text, damaged, main, run_campaign


def check(table):
    for name, row in table.items():
        assert not row["traceback"], (name, row["examples"][:3])
        assert name in UNDETECTABLE or not row["wrong"], name


def test_outcomes_are_told_apart(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abcd" * 8)
    said = {1: ValueError("refused"), 2: KeyError("a traceback")}

    def read():
        content = path.read_bytes()
        number = 0 if content == b"abcd" * 8 else sum(content) % 5
        if number in said:
            raise said[number]
        if number == 3:
            logging.getLogger("keras_d3.audio").warning("%s is damaged", path)
        return number

    table = run_campaign([Target("file", path, read)], 200)
    counts = [table["file"][outcome] for outcome in OUTCOMES]
    assert min(counts) > 10 and sum(counts) == 200
    assert path.read_bytes() == b"abcd" * 8
    assert as_text(table).splitlines()[-1].startswith("all ")


def test_damage_is_damage():
    rng = np.random.default_rng(0)
    assert all(damaged(bytes(50), rng) != bytes(50) for _ in range(200))


@pytest.mark.slow
def test_a_few_faults(tmp_path):
    assert main(["--faults", "3", "--out", str(tmp_path / "table.json")]) == 0
    check(json.loads((tmp_path / "table.json").read_text()))


@pytest.mark.large
def test_hundreds_of_faults(tmp_path, capsys):
    assert main(["--faults", "100", "--out", str(tmp_path / "table.json")]) == 0
    table = json.loads((tmp_path / "table.json").read_text())
    assert "manifest.json" in capsys.readouterr().out and sum(row["refused"] for row in table.values()) > 1000
    check(table)
