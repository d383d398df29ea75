"""Random excerpts: right samples, uniform coverage, reproducible epochs."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import audio_shuffle_bytes, training_waveforms
from keras_d3.data.audio.excerpts import ExcerptSampler, blocks_around
from keras_d3.data.audio.starts import ExcerptStarts
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import BLOCK_SAMPLES, LENGTHS, SOURCES, make_records, signal

SEED = tf.constant((0, 0), tf.int64)


def config(**changes):
    settings = {
        "sample_rate_hz": 8000,
        "channels": 2,
        "sources": SOURCES,
        "input_samples": 150,
        "output_samples": 60,
        "sources_from": "same_track",
        "shuffle_excerpts": 8,
        "parallel_tracks": 3,
    }
    return AudioDataConfig(**(settings | changes))


def pcm(tensor):
    return np.rint(np.asarray(tensor) * 32768).astype(int)


def batches(manifest, settings, count, batch_size=4, steps=5, **kwargs):
    dataset = training_waveforms(manifest, settings, batch_size, steps, **kwargs)
    return [
        (pcm(mixture), {k: pcm(v) for k, v in targets.items()}) for mixture, targets in dataset.take(count)
    ]


def place(excerpt):
    """(track, start) of an output window, read from its samples; the start may lie in the zeros after it."""
    inside = np.flatnonzero(excerpt[:, 1])
    first = inside[0]
    return excerpt[first, 1] // 100 - 1, excerpt[first, 0] - 1 - first


@pytest.mark.parametrize("input_samples, output_samples", [(60, 60), (151, 60), (530, 100), (2311, 2311)])
def test_excerpts_are_slices_of_the_songs(manifest, input_samples, output_samples):
    """Across records and shards, with context, zeros outside the song, tracks shorter than an excerpt."""
    settings = config(input_samples=input_samples, output_samples=output_samples, excerpts_per_block=5)
    context = (input_samples - output_samples) // 2
    seen = []
    for mixture, targets in batches(manifest, settings, 25):
        assert mixture.shape == (4, input_samples, 2)
        for example in range(4):
            track, start = place(targets["drums"][example])
            seen.append(track)
            length = LENGTHS["train"][track]
            assert 0 <= start <= max(0, length - output_samples)
            total = 0
            for source in SOURCES:
                whole = np.pad(
                    signal("train", track, source), ((context, input_samples + output_samples), (0, 0))
                )
                total = total + whole[start : start + input_samples].astype(int)
                expected = whole[context + start : context + start + output_samples]
                np.testing.assert_array_equal(targets[source][example], expected)
            np.testing.assert_array_equal(mixture[example], total)
    assert len(set(seen)) >= 2
    if output_samples == max(LENGTHS["train"]):  # no song is longer: each gives one excerpt per pass
        assert all(abs(seen.count(track) - 20) <= 2 for track in range(5))


@pytest.mark.slow
def test_every_start_once_per_pass(tmp_path):
    """With as many excerpts as samples in a block, a pass holds every valid start exactly once."""
    manifest = make_records(tmp_path, block_samples=50, shard_mb=0.01)
    settings = config(input_samples=240, excerpts_per_block=50, output_samples=200, shuffle_excerpts=3)
    starts = {(track, start) for track, n in enumerate(LENGTHS["train"]) for start in range(max(1, n - 199))}
    drums = tf.constant(SOURCES.index("drums"), tf.int64)
    dataset = ExcerptSampler(manifest, "train", settings).random(SEED, drums)
    drawn = [place(item[0, 20:220].astype(int)) for item in dataset.take(len(starts)).as_numpy_iterator()]
    # The shuffle lets the next pass begin before the last two excerpts of this one are out.
    assert len(set(drawn)) >= len(starts) - 3
    assert starts.issuperset(drawn)


def test_coverage_is_uniform_even_when_an_epoch_is_a_small_part_of_a_pass(manifest):
    """Chi-square over all valid starts, epochs of 12 excerpts where a pass has about 64."""
    settings = config(input_samples=60, excerpts_per_block=2, shuffle_excerpts=4)
    places = []
    for _, targets in batches(manifest, settings, 300, batch_size=12, steps=1):
        places += [place(excerpt) for excerpt in targets["vocals"]]
    long_tracks = [track for track, n in enumerate(LENGTHS["train"]) if n > 60 + BLOCK_SAMPLES]
    bins, expected = {}, {}
    for track in long_tracks:
        valid = LENGTHS["train"][track] - 60 + 1
        parts = max(1, valid // 120)
        for part in range(parts):
            expected[track, part] = -(-(part + 1) * valid // parts) - -(-part * valid // parts)
        for start in (start for number, start in places if number == track):
            key = (track, start * parts // valid)
            bins[key] = bins.get(key, 0) + 1
    total = sum(bins.values())
    per_start = total / sum(expected.values())
    chi = sum((bins.get(key, 0) - n * per_start) ** 2 / (n * per_start) for key, n in expected.items())
    freedom = len(expected) - 1
    # Excerpts of one pass exclude each other, so the statistic lies below that of independent draws.
    assert total > 3000 and freedom > 20
    assert chi < freedom + 4 * np.sqrt(2 * freedom), (chi, freedom)


def same(first, second):
    return all(
        np.array_equal(a[0], b[0]) and all(np.array_equal(a[1][k], b[1][k]) for k in a[1])
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.slow
def test_epochs_depend_on_seed_and_number_alone(manifest):
    augmented = {
        "sources_from": "different_tracks",
        "gain_range": (0.5, 1.0),
        "channel_swap_probability": 0.5,
    }
    settings = config(**augmented)
    tf.random.set_seed(1)
    straight = batches(manifest, settings, 15)
    tf.random.set_seed(2)
    assert same(straight[5:], batches(manifest, settings, 10, first_epoch=1))
    # Shorter epochs are the beginnings of longer ones: how many steps others have changes nothing.
    assert same(straight[5:8], batches(manifest, settings, 3, steps=3, first_epoch=1))
    assert not same(straight[:5], straight[5:10])
    assert not same(straight[:5], batches(manifest, config(**augmented, seed=1), 5))


def test_not_deterministic_still_gives_the_right_shapes(manifest):
    for mixture, targets in batches(manifest, config(), 7, deterministic=False):
        assert mixture.shape == (4, 150, 2) and targets["bass"].shape == (4, 60, 2)


def test_different_tracks_are_mixed(manifest):
    mixed = 0
    for mixture, targets in batches(manifest, config(sources_from="different_tracks", input_samples=60), 10):
        np.testing.assert_array_equal(mixture, sum(targets.values()))
        for example in range(4):
            mixed += len({place(targets[source][example])[0] for source in SOURCES}) > 1
            for number, source in enumerate(SOURCES):
                right = targets[source][example][:, 1]
                assert set(right[right > 0] % 100) == {number}
    assert mixed > 20


def test_gain_and_swap(manifest):
    settings = config(gain_range=(0.5, 1.0), channel_swap_probability=0.5, input_samples=60)
    gains, swapped = [], 0
    dataset = training_waveforms(manifest, settings, 8, 100)
    for mixture, targets in dataset.take(25):
        np.testing.assert_allclose(mixture, sum(value.numpy() for value in targets.values()), atol=1e-6)
        for number, source in enumerate(SOURCES):
            for example in targets[source].numpy() * 32768:
                # One channel is constant inside the song: gain * (100 * track + source).
                constant = [np.ptp(example[example[:, c] != 0, c]) < 1e-2 for c in range(2)]
                assert sum(constant) == 1
                swapped += constant[0]
                level = example[example[:, constant.index(True)] != 0, constant.index(True)][0]
                gains += [level / (100 * track + number) for track in range(1, 6)]
    gains = np.array(gains).reshape(-1, 5)
    assert ((gains > 0.499) & (gains < 1.001)).any(axis=1).all()
    assert 0.42 < swapped / 600 < 0.58


def test_polarity(manifest):
    """By source and example, half of them; the rest is what it is without, also where it is drawn."""
    others = {"gain_range": (0.5, 1.0), "channel_swap_probability": 0.5, "input_samples": 60}
    plain = batches(manifest, config(**others), 15)
    inverted = batches(manifest, config(**others, polarity_inversion_probability=0.5), 15)
    signs = []
    for (_, before), (mixture, after) in zip(plain, inverted, strict=True):
        for source in SOURCES:
            for ours, theirs in zip(after[source], before[source], strict=True):
                sign = 1 if np.array_equal(ours, theirs) else -1
                np.testing.assert_array_equal(ours, sign * theirs)
                signs.append(sign)
        np.testing.assert_allclose(mixture, sum(after.values()), atol=len(SOURCES) / 2)  # rounded
    by_source = np.reshape(signs, (15, len(SOURCES), 4))
    assert 0.35 < np.mean(by_source == -1) < 0.65
    assert 0.3 < np.mean(by_source[:, 0] == by_source[:, 1]) < 0.7
    always = batches(manifest, config(**others, polarity_inversion_probability=1.0), 5)
    for (_, before), (_, after) in zip(plain, always, strict=False):
        assert all(np.array_equal(after[source], -before[source]) for source in SOURCES)


def test_stored_mixture(manifest):
    for mixture, targets in batches(manifest, config(mixture="stored", input_samples=60), 5):
        np.testing.assert_array_equal(mixture, sum(targets.values()))


def test_audio_shuffle_bytes(manifest):
    settings = config(shuffle_excerpts=10)
    dataset = ExcerptSampler(manifest, "train", settings).random(SEED)
    excerpt = next(dataset.as_numpy_iterator())
    coded = dataclasses.replace(manifest, encoding="flac")
    assert audio_shuffle_bytes(coded, settings) == 10 * excerpt.nbytes
    assert audio_shuffle_bytes(coded, config(shuffle_excerpts=10, mixture="stored")) == 10 * 4 * 150 * 2 * 2


def test_the_shuffle_of_plain_records_holds_places(manifest):
    settings = config(shuffle_excerpts=10)
    place = next(ExcerptStarts(manifest, "train", settings).random(SEED).as_numpy_iterator())
    assert place.nbytes == 16
    assert audio_shuffle_bytes(manifest, settings) == 10 * place.nbytes
    different = config(shuffle_excerpts=10, sources_from="different_tracks")
    assert audio_shuffle_bytes(manifest, different) == len(SOURCES) * 10 * place.nbytes


def test_cardinality_and_shapes(manifest):
    dataset = training_waveforms(manifest, config(), 4, 5)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    mixture, targets = dataset.element_spec
    assert mixture.shape == (4, 150, 2) and targets["vocals"].shape == (4, 60, 2)
    assert mixture.dtype == tf.float32


@pytest.mark.parametrize(
    "block, length, context", [(100, 60, 0), (100, 150, 45), (100, 530, 215), (7, 530, 215)]
)
def test_blocks_around_are_enough_and_not_more(block, length, context):
    before, after = blocks_around(block, length, context)
    assert before * block >= context > (before - 1) * block
    end = block - 1 - context + length
    assert (after + 1) * block >= end > after * block or (after == 0 and end <= block)


def test_model_fit_trains_from_records(manifest):
    import keras

    inputs = keras.Input((60, 2))
    outputs = {"vocals": keras.layers.Conv1D(2, 3, padding="same", name="vocals")(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", jit_compile=False)
    dataset = training_waveforms(manifest, config(sources=("vocals",), input_samples=60), 4, 5)
    history = model.fit(dataset, steps_per_epoch=5, epochs=2, verbose=0, shuffle=False)
    assert len(history.history["loss"]) == 2


def test_refusals(manifest):
    with pytest.raises(
        ValueError, match="`sample_rate_hz` must be that of the records, 8000 Hz.*--sample-rate 44100"
    ):
        training_waveforms(manifest, config(sample_rate_hz=44100), 4, 5)
    with pytest.raises(ValueError, match="`sources` must be among drums, bass, vocals, accompaniment"):
        training_waveforms(manifest, config(sources=("guitar",)), 4, 5)
    with pytest.raises(ValueError, match="at least one source of the records for 'accompaniment'"):
        training_waveforms(manifest, config(sources=(*SOURCES, "accompaniment")), 4, 5)
    with pytest.raises(ValueError, match="`batch_size` must be an integer of at least 1"):
        training_waveforms(manifest, config(), 0, 5)
    with pytest.raises(ValueError, match="`steps_per_epoch` must be"):
        training_waveforms(manifest, config(), 4, 0)
    with pytest.raises(ValueError, match="`first_epoch` must be"):
        training_waveforms(manifest, config(), 4, 5, first_epoch=-1)
    with pytest.raises(ValueError, match="`split` must be one of train, validation, test"):
        training_waveforms(manifest, config(), 4, 5, split="other")


def test_songs_barely_longer_than_an_excerpt(tmp_path):
    """11 valid starts in a block of 4,000: every pass still gives an excerpt."""
    manifest = make_records(tmp_path, block_samples=4000)
    settings = config(input_samples=600, output_samples=600, excerpts_per_block=1)
    starts = set()
    for _, targets in batches(manifest, settings, 20, split="test"):
        starts |= {place(excerpt)[1] for excerpt in targets["bass"]}
    assert starts == set(range(11))
