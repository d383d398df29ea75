"""Files of a run, its scores and its separations, which the corruption campaign damages."""

import dataclasses
import json
from collections.abc import Iterator

import keras

from keras_d3.evaluation import read_scores, score_track
from keras_d3.evaluation.kept_scores import write_scores
from keras_d3.experiments.separation_scores import _begin_log
from keras_d3.models import load_network
from keras_d3.runs import Run, TrainingState
from keras_d3.utils import write_checked_json
from tests.faults.corruption import Target
from tests.helpers.songs import make_estimates, make_stems
from tests.helpers.training_configs import waveform_config

MADE_BY = {"saved_model": {"saved_model.pb": 64 * "0"}, "records": {"test": 64 * "1"}, "settings": {}}


def run_targets(folder) -> Iterator[Target]:
    """Writes a run directory and yields its files."""
    run = Run(folder)
    run.claim(waveform_config())
    run.claim_initial_weights({"source": "last.keras", "sha256": 64 * "a"}, TrainingState())
    run.record_tracks({"train": ["one", "two"], "validation": ["three"]})
    history = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    run.save_state(TrainingState(epoch=2, best_epoch=2, best_value=0.25, commit="abc", history=history))
    yield Target("config.json", folder / "config.json", lambda: Run(folder).config.to_dict())
    yield Target("state.json", folder / "state.json", lambda: dataclasses.asdict(Run(folder).read_state()))
    yield Target("tracks.json", folder / "tracks.json", lambda: Run(folder).tracks())
    weights = folder / "initial_weights.json"
    yield Target("initial_weights.json", weights, lambda: Run(folder).initial_weights)
    yield _checkpoint(folder / "network.keras")
    scores, log = folder / "scores.json", folder / "separation.json"
    stems = make_stems()
    write_scores(scores, score_track(stems, make_estimates(stems), 8000, "one", backend="shared"))
    yield Target("scores of a track", scores, lambda: read_scores(scores))
    write_checked_json(log, {**MADE_BY, "tracks": {"one": {"audio_secs": 9.5, "separate_secs": 1.25}}})
    yield Target("separation.json", log, lambda: json.loads(json.dumps(_begin_log(log, MADE_BY))))


def _checkpoint(path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(path)

    def network():
        loaded = load_network(path, compile=True)
        return [loaded.get_config(), *loaded.get_weights(), *(v.numpy() for v in loaded.optimizer.variables)]

    return Target("checkpoint, .keras", path, network)
