"""What separators in memory and from SavedModels have in common: any song in, its stems out."""

import threading

import numpy as np
import tensorflow as tf

from keras_d3.audio import resample
from keras_d3.utils import check_positive_int

# Positions of samples are 32-bit integers, and a reflection reaches twice the length.
MAX_SAMPLES = 2**30
SAMPLES_PER_CHECK = 1 << 20
# Bytes; Eigen's widest vectors.
TENSOR_ALIGNMENT = 64
PROGRESS_INTERVAL_SECS = 0.2


class BaseSeparator:
    """Base of `Separator` and `LoadedSeparator`.

    Args:
        metadata: dict as made by `keras_d3.export.metadata.describe`.

    Attributes:
        metadata: that dict.
    """

    def __init__(self, metadata):
        self.metadata = metadata

    @property
    def sources(self):
        """Names of the sources, a tuple."""
        return tuple(self.metadata["sources"])

    @property
    def sample_rate(self):
        """The rate the networks work at, in Hz. Other rates are converted there and back."""
        return self.metadata["sample_rate_hz"]

    @property
    def channels(self):
        """Channels the networks work on. Other numbers are converted, see `separate`."""
        return self.metadata["channels"]

    def separate(self, mixture, sample_rate, progress=None, quality="best"):
        """Separates a song. Nothing is kept between calls.

        A mono song is given to a stereo network as two equal channels, and its stems are the mean of
        the two. A mono network separates the channels of a song one by one, or, with the setting
        `downmix`, their mean, whose stems every channel gets.

        Args:
            mixture: float array (time, channels) or (time,), at least one sample.
            sample_rate: int, its rate in Hz. Other rates than the network's are converted (soxr) there
                and back.
            progress: function of the done share, from 0 to 1, called several times a second; or None.
            quality: `"best"`, as the settings say, or `"fast"`: patches or windows end to end instead of
                overlapping, and no channel flips (see `at_quality` of the settings). A network that is
                tiled anyway gives the same for both.

        Returns:
            dict of `source: float32 array` of the mixture's shape, at its rate. The arrays are read-only,
            most being TensorFlow's own memory; copy one to change it.

        Raises:
            ValueError: wrong shape, type or rate, no samples, or samples that are NaN or infinite; an
                unknown `quality`, or one that the SavedModel was made without.
        """
        return dict(self.stems(mixture, sample_rate, progress, quality))

    def stems(self, mixture, sample_rate, progress=None, quality="best"):
        """The same as `separate`, stem by stem: what was taken and dropped takes no more memory.

        Args:
            mixture, sample_rate, progress, quality: as in `separate`. The arguments are checked at once;
                the song is separated when the first stem is asked for.

        Returns:
            Iterator of `(source, array)`.
        """
        audio = _checked_audio(mixture, self.channels)
        check_positive_int("sample_rate", sample_rate)
        function = self._function(quality, with_progress=progress is not None)
        return self._generate_stems(audio, int(sample_rate), np.ndim(mixture), function, progress)

    def _generate_stems(self, audio, sample_rate, rank, function, progress):
        num_samples, num_channels = audio.shape
        tensors = self._to_network(audio, sample_rate)
        # If the caller dropped the song too, its memory is free from here on.
        del audio
        stems = []
        while tensors:
            done, total = len(stems), len(stems) + len(tensors)
            report = progress and (lambda share, done=done, total=total: progress((done + share) / total))
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
        if self.metadata.get("separation", {}).get("downmix") and audio.shape[1] > 1:
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

    def _run(self, function, mixture, progress):
        """Returns a dict of one tensor per source."""
        if progress is None:
            return dict(function(mixture))
        # The graph sets a variable; a second thread runs it, so that this one can look at it (and can
        # be interrupted, which a running graph cannot).
        outcome = {}

        def work():
            try:
                outcome["stems"] = dict(function(mixture))
            except BaseException as error:
                outcome["error"] = error

        self._progress.assign(0.0)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(PROGRESS_INTERVAL_SECS)
            progress(min(1.0, float(self._progress.numpy())))
        if "error" in outcome:
            raise outcome["error"]
        progress(1.0)
        return outcome["stems"]

    def _function(self, quality, with_progress):
        """The graph: a function of a tensor (time, channels) to a dict of tensors."""
        raise NotImplementedError

    @property
    def _progress(self):
        raise NotImplementedError


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
