"""What runs start from: asked for where a config needs it, kept once begun, said in words."""

import dataclasses

import pytest

from keras_d3.runs import (
    FROM_SCRATCH,
    Run,
    TrainingState,
    check_initial_weights,
    initial_weights_in_words,
)
from tests.helpers.small_records import SOURCES
from tests.helpers.training_configs import spectrogram_config, waveform_config

WEIGHTS = {"source": "a.keras", "sha256": "0123456789abcdef"}


def pretrained(config):
    return dataclasses.replace(config, pretrained=True)


def test_a_new_run_of_a_pretrained_config_needs_weights(tmp_path):
    config = pretrained(waveform_config())
    with pytest.raises(ValueError, match="for the config 'small', which starts from other.*--from-scratch"):
        check_initial_weights(config, tmp_path, is_given=False)
    check_initial_weights(config, tmp_path, is_given=True)
    check_initial_weights(config, tmp_path, is_given=False, from_scratch=True)
    check_initial_weights(waveform_config(), tmp_path, is_given=False)
    with pytest.raises(ValueError, match="`initial_weights` and `from_scratch` must not be given together"):
        check_initial_weights(waveform_config(), tmp_path, is_given=True, from_scratch=True)
    assert not any(tmp_path.iterdir())


def test_every_network_of_a_run_needs_them(tmp_path):
    config = pretrained(spectrogram_config("all"))
    for source in SOURCES:
        with pytest.raises(ValueError, match="`initial_weights` must be given"):
            check_initial_weights(config, tmp_path, is_given=False)
        Run(tmp_path / source).claim_initial_weights(None, TrainingState(), from_scratch=True)
    check_initial_weights(config, tmp_path, is_given=False)


def test_a_run_keeps_what_it_started_with(tmp_path):
    config, new, later = pretrained(waveform_config()), TrainingState(), TrainingState(epoch=1)
    run = Run(tmp_path)
    assert not run.has_begun and run.initial_weights == FROM_SCRATCH
    run.claim_initial_weights(None, new, from_scratch=True)
    assert run.has_begun and run.initial_weights == FROM_SCRATCH
    # Stopped in its first epoch or later, it need not be told again.
    check_initial_weights(config, tmp_path, is_given=False)
    for state in (new, later):
        run.claim_initial_weights(None, state)
        run.claim_initial_weights(None, state, from_scratch=True)
        with pytest.raises(ValueError, match="began from drawn weights, not from `a.keras`"):
            run.claim_initial_weights(WEIGHTS, state)
    other = Run(tmp_path / "other")
    other.claim_initial_weights(WEIGHTS, new)
    other.claim_initial_weights(None, later)
    with pytest.raises(ValueError, match="began from `a.keras`, not from drawn weights"):
        other.claim_initial_weights(None, later, from_scratch=True)


def test_in_words():
    described = {"source": "model.ckpt-20000", "sha256": "0123456789abcdef"}
    assert initial_weights_in_words({"None": FROM_SCRATCH}) == "from scratch"
    assert initial_weights_in_words({"None": described}) == "model.ckpt-20000 (SHA-256 0123456789ab...)"
    assert initial_weights_in_words({"None": {"source": "imagenet", "sha256": None}}) == "imagenet"
    assert initial_weights_in_words({"bass": FROM_SCRATCH, "drums": FROM_SCRATCH}) == "from scratch"
    words = initial_weights_in_words({"bass": described, "drums": FROM_SCRATCH})
    assert words == "bass: model.ckpt-20000 (SHA-256 0123456789ab...); drums: from scratch"
