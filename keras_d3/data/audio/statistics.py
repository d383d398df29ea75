"""Mean and standard deviation of every frequency bin over the training records."""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import scipy.fft
from tqdm import tqdm

from keras_d3.data.audio.blocks import read_blocks
from keras_d3.data.audio.checks import check_audio_records
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.shards import REMAKE, BrokenShardError
from keras_d3.ops import magnitude, reflect_positions, window_values
from keras_d3.settings import AudioDataConfig
from keras_d3.utils import (
    check_frames,
    read_json,
    sweep_leftovers,
    with_checksum,
    without_checksum,
    write_json,
)

FOLDER = "input_statistics"
# Raised with every change of the definition below, so that files of another one are not used.
DEFINITION = 1
FRAMES_PER_BLOCK = 128


def input_statistics(
    manifest: AudioManifest,
    config: AudioDataConfig,
    frame_length: int,
    frame_step: int,
    split: str = "train",
    show_progress: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation of the mixtures' magnitudes per frequency bin.

        magnitude[f, b] = mean over channels of |STFT(mixture)[f, b]|
        mean[b], std[b] = over all frames f of all tracks of the split

    The statistics that the official D3Net code starts its input normalization from
    (sony/ai-research-code, `d3net/music-source-separation`; the papers do not mention them). The
    transform is that of training (centered, reflect padding, periodic Hann) over whole tracks;
    the standard deviation is the population's. The mixture is the stored one, in the channels of
    the network: stereo records are averaged first where `config.channels` is 1.

    Everything is computed in float64, a block of frames at a time, and blocks are merged by the
    formula of Chan, Golub and LeVeque, 1983, "Algorithms for computing the sample variance", so
    that neither the length of the data set nor of a track costs accuracy. The track's samples are
    held as 16-bit integers.

    The result is kept beside the manifest as `input_statistics/<split>_..._<digest>.json`. The digest
    is that of everything that the numbers depend on: the records' checksums, the lengths of the
    transform and the channels. The file may be deleted at any time.

    Args:
        manifest: `AudioManifest`.
        config: `AudioDataConfig`; its sample rate must be that of the records.
        frame_length, frame_step: int, frame and hop of the STFT in samples.
        split: str, "train", "validation" or "test".
        show_progress: bool, whether to show a progress bar. All of MUSDB18 takes minutes.

    Returns:
        `(mean, std)`: float64 arrays `(frame_length // 2 + 1,)`.

    Raises:
        ValueError: the records cannot feed this config, or (`BrokenShardError`) a shard is broken.

    Example:

    >>> mean, std = input_statistics(load_manifest("records"), config, 4096, 1024)
    >>> mean.shape
    (2049,)
    """
    check_audio_records(manifest, config, split)
    frame_length, frame_step, _ = check_frames(frame_length, frame_step)
    settings = _settings(manifest, config, frame_length, frame_step, split)
    path = _path(manifest, settings)
    sweep_leftovers(path.parent)
    saved = _read(path, settings)
    if saved is not None:
        return saved
    transform = _Magnitudes(frame_length, frame_step, config.channels)
    moments = RunningMoments()
    tracks = _mixtures(manifest, split)
    total = len(manifest.tracks(split))
    for samples in tqdm(tracks, "input statistics", total, unit="track", disable=not show_progress):
        for magnitudes in transform(samples):
            moments.update(magnitudes)
    values = {
        "settings": settings,
        "num_frames": moments.count,
        "mean": moments.mean.tolist(),
        "std": moments.std.tolist(),
    }
    try:
        write_json(path, with_checksum(values))
    except OSError as error:  # a read-only disk
        warnings.warn(
            f"The input statistics could not be kept at `{path}` ({error}); every run computes them again.",
            stacklevel=2,
        )
    return moments.mean, moments.std


class RunningMoments:
    """Mean and population variance of rows that arrive in blocks.

    Chan, Golub and LeVeque, 1983, equation 1.5: two groups' counts, means and sums of squared
    deviations give those of both together, without the cancellation of `E[x^2] - E[x]^2`.

    Example:

    >>> import numpy as np
    >>> moments = RunningMoments()
    >>> for block in (np.ones((2, 5)), np.zeros((2, 5))):
    ...     moments.update(block)
    >>> moments.mean[0], moments.std[0]
    (0.5, 0.5)
    """

    def __init__(self):
        self.count = 0
        self.mean = self._squares = np.zeros(())

    def update(self, rows: np.ndarray) -> None:
        """Adds an array (rows, ...) of at least one row."""
        rows = np.asarray(rows, "float64")
        mean = rows.mean(axis=0)
        total = self.count + len(rows)
        delta = mean - self.mean
        self._squares = self._squares + np.square(rows - mean).sum(axis=0)
        self._squares += np.square(delta) * (self.count * len(rows) / total)
        self.mean = self.mean + delta * (len(rows) / total)
        self.count = total

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of all rows so far, divided by their number."""
        return np.sqrt(self._squares / self.count)


class _Magnitudes:
    """Blocks of magnitude frames (frames, bins) of int16 samples (time, channels), channels averaged."""

    def __init__(self, frame_length, frame_step, channels):
        self._length, self._step, self._channels = frame_length, frame_step, channels
        self._window = window_values("hann", frame_length)

    def __call__(self, samples):
        num_frames = 1 + len(samples) // self._step
        for first in range(0, num_frames, FRAMES_PER_BLOCK):
            count = min(FRAMES_PER_BLOCK, num_frames - first)
            begin = first * self._step - self._length // 2
            span = (count - 1) * self._step + self._length
            piece = samples[reflect_positions(np.arange(begin, begin + span), len(samples))] / 32768.0
            if self._channels == 1:
                piece = piece.mean(axis=1, keepdims=True)
            # (channels, frames, frame_length): overlapping frames as a view.
            frames = np.lib.stride_tricks.sliding_window_view(piece, self._length, axis=0)
            frames = np.moveaxis(frames[:: self._step], 1, 0)
            spectra = scipy.fft.rfft(frames * self._window, axis=-1)
            yield magnitude(spectra.real, spectra.imag).mean(axis=0)


def _mixtures(manifest, split):
    """Yields the mixture of every track of a split, int16 (time, channels), in the records' order."""
    tracks = manifest.tracks(split)
    for group in manifest.groups(split):
        blocks = []
        for record in read_blocks(manifest, split, group.paths, MIXTURE):
            track = tracks[record["track"]]
            if record["block"] != len(blocks):
                raise BrokenShardError(
                    f"`{', '.join(group.paths)}` should hold all blocks of {track.name!r} in order. {REMAKE}"
                )
            blocks.append(record["audio"][MIXTURE])
            if len(blocks) == track.num_blocks:
                yield np.concatenate(blocks)
                blocks = []


def _settings(manifest, config, frame_length, frame_step, split):
    """Everything that the numbers depend on."""
    shards = [shard for shard in manifest.shards if shard.split == split]
    # Sorted: the names and the order of the shards do not matter.
    records = hashlib.sha256("".join(sorted(shard.sha256 for shard in shards)).encode()).hexdigest()
    return {
        "definition": DEFINITION,
        "split": split,
        "frame_length": frame_length,
        "frame_step": frame_step,
        # Stereo records averaged for a mono network; two equal channels of mono records change nothing.
        "channels": min(config.channels, manifest.channels),
        "sample_rate_hz": manifest.sample_rate(split),
        "records_sha256": records,
    }


def _path(manifest, settings):
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    lengths = f"{settings['frame_length']}_{settings['frame_step']}_{settings['channels']}ch"
    return Path(manifest.directory) / FOLDER / f"{settings['split']}_{lengths}_{digest}.json"


def _read(path, settings):
    """Returns `(mean, std)` saved at `path`, or None where there is no valid file of these settings."""
    if not path.is_file():
        return None
    try:
        values = without_checksum(read_json(path, "input statistics"), "input statistics")
        if values["settings"] != settings:
            return None
        mean, std = (np.array(values[name], "float64") for name in ("mean", "std"))
    except (ValueError, KeyError, TypeError):  # a broken cache must not stop a run
        return None
    num_bins = settings["frame_length"] // 2 + 1
    is_possible = mean.shape == std.shape == (num_bins,) and np.all(np.isfinite([mean, std]) & (std >= 0))
    return (mean, std) if is_possible else None
