import numpy as np
import pytest
import tensorflow as tf

from keras_d3.separation.patches import PatchGroups, cover_count
from keras_d3.separation.spectrogram_graph import SongSpectra
from tests.helpers.tiny_networks import noise, spectrogram_settings

NUM_BINS, NETWORK_BINS = 33, 20
LENGTHS = (2, 5, 24, 31)


def settings(**changes):
    sources = ("bass", "drums", "vocals")
    return spectrogram_settings(**{"sources": sources, "num_bins": NETWORK_BINS, **changes})


def patch_weights(seed, frames):
    """What the stand-in networks multiply by: different for every frame of a patch, bin and channel."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, (frames, NETWORK_BINS, 2))


def stand_ins(config):
    """Networks whose output tells where in its patch a frame stood, with the number of their patches."""
    counts = dict.fromkeys(config.sources, 0)

    def network(source, seed):
        weights = tf.constant(patch_weights(seed, config.patches_of(source)[0]), tf.float32)

        def call(inputs):
            counts[source] += len(inputs)
            return inputs * weights

        return call

    return {source: network(source, seed) for seed, source in enumerate(config.sources)}, counts


def song_of(num_frames):
    return noise((num_frames - 1) * 16)


def magnitudes_of(song, num_frames):
    """Centered STFT in float64: (frames, bins, channels)."""
    padded = np.pad(song.astype("float64"), ((32, 32), (0, 0)), mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    frames = np.stack([padded[f * 16 : f * 16 + 64] for f in range(num_frames)])
    return np.abs(np.fft.rfft(frames * window[:, None], axis=1))


def patch_sums(magnitudes, function, patch, shift, flip):
    """Sums and covers over patches of the official number, frame -(patch - shift) being the first."""
    num_frames = len(magnitudes)
    before = patch - shift
    padded = np.pad(magnitudes, ((before, 2 * patch), (0, 0), (0, 0)))
    total, cover = np.zeros_like(padded), np.zeros((len(padded), 1, 1))
    # The song is filled up to the next multiple of the patch, also where it is one already.
    for number in range((num_frames // patch + 1) * (patch // shift)):
        rows = slice(number * shift, number * shift + patch)
        estimate = function(padded[rows])
        if flip:
            estimate = (estimate + function(padded[rows, :, ::-1])[..., ::-1]) / 2
        total[rows] += estimate
        cover[rows] += 1
    inside = slice(before, before + num_frames)
    return total[inside], cover[inside]


def reference(magnitudes, config):
    """Magnitudes of all sources in float64: (frames, sources, bins, channels)."""
    estimates = []
    for seed, source in enumerate(config.sources):
        patch, shift = config.patches_of(source)
        weights = np.ones((patch, NUM_BINS, 2))
        weights[:, :NETWORK_BINS] = patch_weights(seed, patch)
        total, cover = patch_sums(
            magnitudes, lambda rows, weights=weights: rows * weights, patch, shift, config.flip_channels
        )
        estimates.append(total / cover)
    return np.stack(estimates, axis=1)


def estimate(config, networks, song, periods_per_block=1):
    """What `PatchGroups` estimates block by block, without the rows before the song; and the reports."""
    groups = PatchGroups(networks, config)
    spectra = SongSpectra(tf.constant(song), config, groups.frames_before)
    num_periods = -(-(groups.frames_before + int(spectra.num_frames)) // groups.period)
    carry, blocks, reports = groups.empty_carry(), [], []
    for first in range(0, num_periods, periods_per_block):
        end = min(first + periods_per_block, num_periods)
        end_row = int(spectra.num_rows) if end == num_periods else end * groups.period
        num_rows = end_row - first * groups.period
        magnitudes, carry = groups.estimate(
            spectra,
            tf.constant(first),
            tf.constant(end - first),
            tf.constant(num_rows),
            carry,
            lambda done, total: reports.append((int(done), int(total))),
        )
        blocks.append(groups.read(magnitudes, 0, num_rows).numpy())
    rows = np.concatenate(blocks)
    frames = slice(groups.frames_before, groups.frames_before + int(spectra.num_frames))
    return rows[frames], reports


@pytest.mark.parametrize(
    "changes",
    [
        {"flip_channels": True, "patches_per_batch": 1},
        {"source_patches": {"bass": (12, 6)}, "flip_channels": True},
        {"source_patches": {"drums": (9, 3), "vocals": (8, 2)}},
        {"source_patches": {"drums": (6, 6)}, "patch_frames": 10, "patch_shift": 5},
    ],
)
def test_equals_float64(changes):
    config = settings(**changes)
    for num_frames in LENGTHS:
        song = song_of(num_frames)
        expected = reference(magnitudes_of(song, num_frames), config)
        for periods_per_block in (1, 3):
            networks, counts = stand_ins(config)
            rows, reports = estimate(config, networks, song, periods_per_block)
            np.testing.assert_allclose(rows, expected, atol=1e-5)
            assert reports == sorted(reports) and reports[-1][0] == reports[-1][1]
            assert len({total for _, total in reports}) == 1
            # No pass of a network is in vain: every patch meets a frame.
            for source, count in counts.items():
                patch, shift = config.patches_of(source)
                official = (num_frames // patch + 1) * (patch // shift)
                meeting = sum((number + 1) * shift - patch < num_frames for number in range(official))
                assert count == meeting * (2 if config.flip_channels else 1)


def test_fast_covers_every_frame_once():
    config = settings(source_patches={"bass": (12, 6)}, flip_channels=True).at_quality("fast")
    for num_frames in LENGTHS:
        networks, counts = stand_ins(config)
        rows, _ = estimate(config, networks, song_of(num_frames))
        magnitudes = magnitudes_of(song_of(num_frames), num_frames)[:, :NETWORK_BINS]
        for index, (source, patch) in enumerate((("bass", 12), ("drums", 8))):
            assert counts[source] == -(-num_frames // patch)
            once = magnitudes * np.resize(patch_weights(index, patch), magnitudes.shape)
            np.testing.assert_allclose(rows[:, index, :NETWORK_BINS], once, atol=1e-5)


@pytest.mark.parametrize("patch,shift", [(8, 4), (12, 6)])
def test_official_overlap_halves_the_tail(patch, shift):
    """The official code divides by patch / shift everywhere, here frames are divided by their cover."""
    config = settings(patch_frames=patch, patch_shift=shift)
    networks = {source: lambda inputs: inputs for source in config.sources}
    num_halved = set()
    for num_frames in range(patch, 2 * patch + 1):
        song = song_of(num_frames)
        magnitudes = magnitudes_of(song, num_frames)
        total, _ = patch_sums(magnitudes, lambda rows: rows, patch, shift, flip=False)
        official = total / (patch // shift)
        ours, _ = estimate(config, networks, song, periods_per_block=2)
        np.testing.assert_allclose(ours[:, 0], magnitudes, atol=1e-5)
        halved = max(0, num_frames % patch - shift)
        num_halved.add(halved)
        np.testing.assert_allclose(official[: num_frames - halved], magnitudes[: num_frames - halved])
        np.testing.assert_allclose(official[num_frames - halved :], 0.5 * magnitudes[num_frames - halved :])
    assert num_halved == set(range(shift))


@pytest.mark.parametrize("step,num_shared,num_patches", [(4, 1, 3), (4, 2, 5), (3, 3, 2), (2, 4, 7)])
def test_cover_count_equals_counting(step, num_shared, num_patches):
    counted = np.zeros(num_patches * step + num_shared * step, int)
    for patch in range(num_patches):
        counted[patch * step : (patch + num_shared) * step] += 1
    positions = np.arange(((num_patches - 1) + num_shared) * step)
    counts = cover_count(tf.constant(positions, tf.int32), step, num_shared, num_patches)
    np.testing.assert_array_equal(counts, counted[: len(positions)])
