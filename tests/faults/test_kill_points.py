"""Killed before every file-system step: what is there is old or new, and the next start ends the work."""

import os

import pytest

import keras_d3.utils.temporary
from keras_d3.utils import sweep_leftovers
from keras_d3.utils.exchange import exchange
from tests.faults import small_work
from tests.faults.kill_points import KILLED, RIGHT, campaign, run_forked, steps_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


def assert_all_right(counts, notes, at_least):
    assert set(counts) == {RIGHT}, notes
    assert counts[RIGHT] >= at_least


def test_training_state_is_the_commit_point(tmp_path):
    counts, notes = campaign(
        lambda folder: folder.mkdir(),
        small_work.train,
        tmp_path,
        reader=small_work.finds_the_weights_of_the_state,
        every=3,
    )
    assert_all_right(counts, notes, 25)


def test_a_song_has_old_or_new_stems(tmp_path):
    counts, notes = campaign(
        small_work.songs, small_work.separate, tmp_path, reader=small_work.has_stems_of_one_separation
    )
    assert_all_right(counts, notes, 12)


def test_a_directory_is_old_or_new(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    if not exchange(tmp_path / "one", tmp_path / "two"):
        pytest.skip("this file system does not exchange names")
    counts, notes = campaign(
        small_work.model_directory,
        small_work.replace_directory,
        tmp_path,
        reader=small_work.has_one_whole_directory,
    )
    assert_all_right(counts, notes, 8)


def test_without_exchange_the_next_start_ends_the_replacement(tmp_path, monkeypatch):
    monkeypatch.setattr(keras_d3.utils.temporary, "exchange", lambda first, second: False)
    small_work.model_directory(tmp_path)
    names = steps_of(lambda: small_work.replace_directory(tmp_path), tmp_path / "steps.txt")
    second = len(names) - 1 - names[::-1].index("rename")
    code = run_forked(lambda: small_work.replace_directory(tmp_path), kill_before=second)
    assert code == KILLED and not (tmp_path / "model").exists()
    sweep_leftovers(tmp_path)
    assert small_work.has_one_whole_directory(tmp_path)
    assert not list(tmp_path.glob(".keras_d3.*"))
    (tmp_path / "all").mkdir()
    counts, notes = campaign(small_work.model_directory, small_work.replace_directory, tmp_path / "all")
    assert_all_right(counts, notes, 8)
