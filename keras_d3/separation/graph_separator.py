"""Separators that run a separation graph, from memory or from a SavedModel: any song in, its stems out."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_d3.audio import resample
from keras_d3.settings import QUALITIES
from keras_d3.utils import check_choice, check_positive_int

# Positions of samples are 32-bit integers, and a reflection reaches twice the length.
MAX_SAMPLES = 2**30
SAMPLES_PER_CHECK = 1 << 20
# Bytes; Eigen's widest vectors.
TENSOR_ALIGNMENT = 64
PROGRESS_INTERVAL_SECS = 0.2


class GraphSeparator:
    """Separates songs of any length, rate and channels by a separation graph.

    Made by `load_separator`; the base of `Separator`, which makes the graph of Keras networks.

    Args:
        graph: `WaveformGraph`, `SpectrogramGraph`, or the module of the SavedModel of one: the functions
            `separate` and `separate_fast` of a tensor (time, channels), and the variable `progress`.
        metadata: dict, as of `Separator`.
        runtime: string, what computes the networks.

    Attributes:
        metadata: that dict.
        runtime: that string.
    """

    def __init__(self, graph: Any, metadata: dict[str, Any], runtime: str = "tensorflow"):
        self._graph = graph
        self.metadata = metadata
        self.runtime = runtime

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, a tuple."""
        return tuple(self.metadata["sources"])

    @property
    def sample_rate(self) -> int:
        """The rate the networks work at, in Hz. Other rates are converted there and back."""
        return self.metadata["sample_rate_hz"]

    @property
    def channels(self) -> int:
        """Channels the networks work on. Other numbers are converted, see `separate`."""
        return self.metadata["channels"]

    def separate(
        self,
        mixture: np.ndarray,
        sample_rate: int,
        on_progress: Callable[[float], None] | None = None,
        quality: str = "best",
    ) -> dict[str, np.ndarray]:
        """Separates a song. Nothing is kept between calls.

        A mono song is given to a stereo network as two equal channels, and its stems are the mean of
        the two. A mono network separates the channels of a song one by one, or, with the setting
        `downmix`, their mean, whose stems every channel gets.

        Args:
            mixture: float array (time, channels) or (time,), at least one sample.
            sample_rate: int, its rate in Hz. Other rates than the network's are converted (soxr) there
                and back.
            on_progress: function of the done share, from 0 to 1, called several times a second; or None.
            quality: `"best"`, as the settings say, or `"fast"`: patches or windows end to end instead of
                overlapping, and no channel flips (see `at_quality` of the settings). A network that is
                tiled anyway gives the same for both.

        Returns:
            dict of `source: float32 array` of the mixture's shape, at its rate. The arrays are read-only,
            most being TensorFlow's own memory; copy one to change it.

        Raises:
            ValueError: wrong shape, type or rate, no samples, or samples that are NaN or infinite; an
                unknown `quality`.
        """
        return dict(self.stems(mixture, sample_rate, on_progress, quality))

    def stems(
        self,
        mixture: np.ndarray,
        sample_rate: int,
        on_progress: Callable[[float], None] | None = None,
        quality: str = "best",
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The same as `separate`, stem by stem: stems that the caller dropped take no memory.

        Args:
            mixture, sample_rate, on_progress, quality: as in `separate`. The arguments are checked at once;
                the song is separated when the first stem is asked for.

        Returns:
            Iterator of `(source, array)`.

        Raises:
            ValueError: as in `separate`.
        """
        audio = _checked_audio(mixture, self.channels)
        check_positive_int("sample_rate", sample_rate)
        is_fast = check_choice("quality", quality, QUALITIES) == "fast"
        function = self._graph.separate_fast if is_fast else self._graph.separate
        return self._generate_stems(audio, int(sample_rate), np.ndim(mixture), function, on_progress)

    def _generate_stems(self, audio, sample_rate, rank, function, on_progress):
        num_samples, num_channels = audio.shape
        tensors = self._to_network(audio, sample_rate)
        # If the caller dropped the song too, its memory is free from here on.
        del audio
        stems = []
        while tensors:
            done, total = len(stems), len(stems) + len(tensors)
            report = on_progress and (
                lambda share, done=done, total=total: on_progress((done + share) / total)
            )
            stems.append(self._run(function, tensors.pop(0), report))
        for source in self.sources:
            # One array per tensor, without a copy; a mono network has one tensor per channel.
            parts = [np.asarray(stem.pop(source)) for stem in stems]
            stem = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            del parts
            if num_channels == 1 and stem.shape[1] != 1:
                stem = stem.mean(axis=1, keepdims=True)
            stem = resample(stem, self.sample_rate, sample_rate, num_samples)
            if stem.shape[1] != num_channels:
                stem = np.repeat(stem, num_channels, axis=1)
            stem.flags.writeable = False
            yield source, stem[:, 0] if rank == 1 else stem
            del stem

    def _to_network(self, audio, sample_rate):
        """The song at the network's rate, as one tensor (time, channels) per run of the network."""
        if (self.metadata.get("separation") or {}).get("downmix") and audio.shape[1] > 1:
            audio = audio.mean(axis=1, keepdims=True)
        if sample_rate != self.sample_rate:
            # A song shorter than one sample of the other rate still has one.
            num_samples = max(1, round(len(audio) * self.sample_rate / sample_rate))
            audio = resample(audio, sample_rate, self.sample_rate, num_samples)
        if audio.shape[1] == self.channels:
            return [_to_tensor(audio)]
        if self.channels == 1:
            return [_to_tensor(audio[:, index : index + 1]) for index in range(audio.shape[1])]
        return [_to_tensor(np.broadcast_to(audio, (len(audio), self.channels)))]

    def _run(self, function, mixture, on_progress):
        """Returns a dict of one tensor per source."""
        if on_progress is None:
            return dict(function(mixture))
        # A second thread runs the graph, so that this one can read the variable that it sets (and can be
        # interrupted, which a running graph cannot).
        outcome = {}

        def work():
            try:
                outcome["stems"] = dict(function(mixture))
            except BaseException as error:
                outcome["error"] = error

        progress = self._graph.progress
        progress.assign(0.0)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(PROGRESS_INTERVAL_SECS)
            on_progress(min(1.0, float(progress.numpy())))
        if "error" in outcome:
            raise outcome["error"]
        on_progress(1.0)
        return outcome["stems"]


def _checked_audio(mixture, channels):
    """Returns the mixture as a contiguous float32 array (time, channels)."""
    audio = np.asarray(mixture)
    if not np.issubdtype(audio.dtype, np.floating):
        raise ValueError(
            "`mixture` must hold floating-point samples, nominally in [-1, 1]. Received: "
            f"mixture.dtype={audio.dtype}. Divide integer samples by their full scale (32768 for 16 bits)."
        )
    if audio.ndim not in (1, 2) or 0 in audio.shape:
        raise ValueError(
            "`mixture` must have the shape (time, channels) or (time,), with at least one sample. "
            f"Received: mixture.shape={audio.shape}."
        )
    given = 1 if audio.ndim == 1 else audio.shape[1]
    takes_any = channels == 1
    if (given not in (1, channels) and not takes_any) or given > max(2, len(audio)):
        raise ValueError(
            f"`mixture` must have the shape (time, channels) with {_listed(channels)}. Received: "
            f"mixture.shape={audio.shape}. Transpose (channels, time); mix other channels down."
        )
    if len(audio) > MAX_SAMPLES:
        raise ValueError(
            f"`mixture` must have at most {MAX_SAMPLES} samples. Received: mixture.shape={audio.shape}. "
            "Separate it in parts."
        )
    audio = np.ascontiguousarray(audio.reshape(len(audio), given), dtype="float32")
    for start in range(0, len(audio), SAMPLES_PER_CHECK):
        bad = ~np.isfinite(audio[start : start + SAMPLES_PER_CHECK])
        if bad.any():
            sample, channel = np.argwhere(bad)[0]
            raise ValueError(
                "`mixture` must be finite. Received: "
                f"mixture[{start + sample}, {channel}]={audio[start + sample, channel]}. "
                "It is the first such sample. Repair the recording, or replace such samples by 0."
            )
    return audio


def _to_tensor(audio):
    """Copies audio into a tensor, once.

    `tf.constant` takes three times the song's memory: it makes two copies, keeps one of them until it
    has converted two other arrays, and returns none to the system. So the copy is made here, at an
    address that TensorFlow can work on, and handed over.
    """
    buffer = np.empty(audio.nbytes + TENSOR_ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % TENSOR_ALIGNMENT
    aligned = buffer[start : start + audio.nbytes].view(audio.dtype).reshape(audio.shape)
    aligned[...] = audio
    return tf.experimental.dlpack.from_dlpack(aligned.__dlpack__())


def _listed(channels):
    return "one or more channels" if channels == 1 else f"1 or {channels} channels"
