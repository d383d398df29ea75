"""Writes excerpt_checksums.json: SHA-256 of the first batches of every kind of training data.

    python -m tests.golden.make_excerpt_checksums

A seed and an epoch must go on giving the same excerpts, to the bit, whatever reads them: runs are resumed,
and repeated, by later versions. The file was written by the pipeline that streamed whole records through
tf.data. When something has to change them (another way of drawing), the changelog says so.
"""

import hashlib
import json
import tempfile
from pathlib import Path

from keras_d3.data import training_waveforms
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import SOURCES, make_records

FILE = Path(__file__).with_name("excerpt_checksums.json")

CODED = "flac"
# The kinds of records: arguments of `make_records`.
RECORDS = {
    "stereo": {},
    "mono": {"channels": 1},
    "short_blocks": {"block_samples": 7, "shard_mb": 0.002},
    "one_block": {"block_samples": 4000},
    "at_4000_hz": {"sample_rate_hz": 4000, "test_sample_rate_hz": 4000},
    # Needs tensorflow-io's binary.
    CODED: {"encoding": "flac"},
}
_AUGMENTED = {"gain_range": (0.25, 1.25), "channel_swap_probability": 0.5}
_INVERTED = {**_AUGMENTED, "polarity_inversion_probability": 0.5}
_SAME = {"sources_from": "same_track"}
# name: (kind of records, settings, arguments of `training_waveforms`). Those called after networks have the
# settings of their recipes, with shorter excerpts.
CASES = {
    "wave_u_net": ("stereo", {**_SAME, "channels": 1, "gain_range": (0.7, 1.0), "shuffle_excerpts": 400}, {}),
    "wave_u_net_context": (
        "stereo",
        {**_SAME, "input_samples": 530, "output_samples": 60, "gain_range": (0.7, 1.0)},
        {},
    ),
    "dilated_u_net": ("stereo", {**_SAME, "gain_range": (0.7, 1.0), "shuffle_excerpts": 100}, {}),
    "mm_dense_net": ("stereo", _AUGMENTED, {}),
    "d3net": ("stereo", {"gain_range": (0.75, 1.25), "channel_swap_probability": 0.5}, {}),
    "plain": ("stereo", {}, {}),
    "inverted": ("stereo", _INVERTED, {}),
    "inverted_mono": ("mono", {**_INVERTED, "channels": 1}, {}),
    "mono_doubled": ("mono", _INVERTED, {}),
    "stereo_averaged": ("stereo", {**_INVERTED, "channels": 1}, {}),
    "accompaniment": ("stereo", {**_AUGMENTED, "sources": ("vocals", "accompaniment")}, {}),
    "one_source": ("stereo", {**_AUGMENTED, "sources": ("bass",)}, {}),
    "stored_mixture": ("stereo", {**_SAME, "mixture": "stored", "input_samples": 91}, {}),
    "stored_mixture_averaged": ("stereo", {**_SAME, "mixture": "stored", "channels": 1}, {}),
    "whole_songs": ("stereo", {**_AUGMENTED, "input_samples": 2311, "output_samples": 2311}, {}),
    "odd_context": ("stereo", {**_AUGMENTED, "input_samples": 151, "excerpts_per_block": 5}, {}),
    "one_reader": ("stereo", {**_AUGMENTED, "parallel_tracks": 1, "shuffle_excerpts": 1}, {}),
    "many_readers": ("stereo", {**_SAME, "parallel_tracks": 1000, "excerpts_per_block": 1}, {}),
    "another_seed": ("stereo", {**_AUGMENTED, "seed": 11}, {}),
    "later_epoch": ("stereo", _AUGMENTED, {"first_epoch": 3}),
    "later_epoch_same_track": ("stereo", {**_SAME, **_AUGMENTED}, {"first_epoch": 3}),
    "validation_split": ("stereo", _SAME, {"split": "validation"}),
    "test_split": ("stereo", _AUGMENTED, {"split": "test"}),
    "short_blocks": ("short_blocks", {**_AUGMENTED, "input_samples": 100}, {}),
    "one_block": ("one_block", {**_SAME, "input_samples": 600, "output_samples": 600}, {}),
    "resampled": ("at_4000_hz", {**_AUGMENTED, "sample_rate_hz": 4000}, {}),
}
CASES |= {f"{name}_coded": (CODED, *CASES[name][1:]) for name in ("d3net", "wave_u_net_context")}
NUM_BATCHES, STEPS, BATCH_SIZE = 7, 4, 3


def settings_of(name: str) -> AudioDataConfig:
    """Returns the settings of a case."""
    settings = {
        "sample_rate_hz": 8000,
        "channels": 2,
        "sources": SOURCES,
        "input_samples": 60,
        "output_samples": 60,
        "shuffle_excerpts": 8,
        "parallel_tracks": 3,
    }
    return AudioDataConfig(**(settings | CASES[name][1]))


def checksum(name: str, manifest) -> str:
    """Returns the SHA-256 of the first batches of a case: of one epoch and the beginning of the next."""
    dataset = training_waveforms(manifest, settings_of(name), BATCH_SIZE, STEPS, **CASES[name][2])
    digest = hashlib.sha256()
    for mixture, targets in dataset.take(NUM_BATCHES).as_numpy_iterator():
        for part, values in (("mixture", mixture), *sorted(targets.items())):
            digest.update(f"{part} {values.dtype} {values.shape}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def main():
    checksums = {}
    with tempfile.TemporaryDirectory() as folder:
        manifests = {kind: make_records(Path(folder) / kind, **RECORDS[kind]) for kind in RECORDS}
        for name, (kind, *_) in CASES.items():
            checksums[name] = checksum(name, manifests[kind])
    FILE.write_text(json.dumps(checksums, indent=1) + "\n")


if __name__ == "__main__":
    main()
