"""Separators that run a separation graph, from memory or from a SavedModel: any song in, its stems out."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_d3.audio import resample
from keras_d3.export import (
    EXPORT_COMMAND,
    METADATA_FILE,
    load_openvino_networks,
    load_saved_model,
    metadata_fault,
    read_metadata,
)
from keras_d3.pretrained import find_model
from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.waveform_graph import NETWORK_NAME, WaveformGraph
from keras_d3.settings import (
    QUALITIES,
    RUNTIMES,
    SeparatorConfig,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
    from_dict,
)
from keras_d3.utils import check_choice, check_file_name, check_positive_int, check_sample_rate

# Positions of samples are 32-bit integers, and a reflection reaches twice the length.
MAX_SAMPLES = 2**30
# More than any format of audio files has.
MAX_CHANNELS = 1024
SAMPLES_PER_CHECK = 1 << 20
# Bytes; Eigen's widest vectors.
TENSOR_ALIGNMENT = 64
PROGRESS_INTERVAL_SECS = 0.2


def load_separator(
    path: str | Path, runtime: str = "tensorflow", precision: str = "f32", num_threads: int | None = None
) -> "GraphSeparator":
    """Loads a separator that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel; or the name of a model that `keras-d3 pull` keeps, such as
            "d3net-music"; or `hf://user/name`, a SavedModel on the Hugging Face Hub. A directory of that name
            comes first.
        runtime: what computes the networks: `"tensorflow"`, or `"openvino"` if the SavedModel was made with
            networks for it. All else (STFT, patches, filter) is TensorFlow's work in either case.
        precision: string, of OpenVINO's networks: `"f32"`, which equals TensorFlow's up to rounding, or
            `"bf16"`, faster on CPUs that have it, at an error of about 2 % of the root mean square of the
            magnitudes that D3Net gives.
        num_threads: int, threads of OpenVINO; by default one per core.

    Returns:
        `GraphSeparator`.

    Raises:
        FileNotFoundError: there is no SavedModel, one that is no separator, one without networks for
            OpenVINO, or a name whose model was not pulled.
        ValueError: the SavedModel is damaged, or not as it was pulled; the name of a segmenter; an unknown
            `runtime`; settings of OpenVINO for TensorFlow.
        ModuleNotFoundError: OpenVINO, or for `hf://` huggingface_hub, is not installed and asked for.
        ConnectionError: the Hub does not give it.

    Example:

    >>> separator = load_separator("runs/wave_u_net/tiny/saved_model")
    >>> stems = separator.separate(song, sample_rate=44100)
    """
    path = find_model(path, "separator")
    metadata = read_separator_metadata(path)
    if check_choice("runtime", runtime, RUNTIMES) == "openvino":
        config = from_dict(SeparatorConfig, metadata.get("separation"), "separation")
        is_waveform = isinstance(config, WaveformSeparatorConfig)
        names = [NETWORK_NAME] if is_waveform else config.sources
        networks = load_openvino_networks(path, names, precision, num_threads)
        graph = separation_graph(networks[NETWORK_NAME] if is_waveform else networks, config)
        return GraphSeparator(graph, metadata)
    if precision != "f32" or num_threads is not None:
        raise ValueError(
            "`precision` and `num_threads` are settings of runtime='openvino'. Received: "
            f"runtime={runtime!r}, precision={precision!r}, num_threads={num_threads!r}."
        )
    module = load_saved_model(path, "separator", ("separate", "separate_fast"))
    _check_input(module, metadata, path)
    outputs = module.signatures["separate"].structured_outputs
    if set(metadata["sources"]) != set(outputs):
        raise ValueError(
            f"The SavedModel `{path}` must have the outputs its metadata name. Received: outputs="
            f"{sorted(outputs)}, sources={metadata['sources']}. Make it again by `{EXPORT_COMMAND}`."
        )
    return GraphSeparator(module, metadata)


def read_separator_metadata(path: str | Path) -> dict[str, Any]:
    """Reads the metadata of a separator's SavedModel, without loading its graph.

    Args:
        path: directory of the SavedModel.

    Returns:
        dict, see `Separator`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no separator.
        ValueError: the metadata are damaged or of another schema version.
    """
    metadata = read_metadata(path, "separator", ("sample_rate_hz", "channels", "sources"))
    try:
        _check_metadata(metadata)
    except ValueError as error:
        raise metadata_fault(Path(path) / METADATA_FILE, str(error)) from error
    return metadata


def _check_metadata(metadata):
    check_sample_rate("sample_rate_hz", metadata["sample_rate_hz"])
    check_positive_int("channels", metadata["channels"], 1, MAX_CHANNELS)
    sources = metadata["sources"]
    if not isinstance(sources, list) or not sources:
        raise ValueError(f"`sources` must be a list of names. Received: sources={sources!r}.")
    for source in sources:
        check_file_name("sources", source)
    separation = metadata.get("separation") or {}
    for name in ("sample_rate_hz", "channels"):
        if separation.get(name, metadata[name]) != metadata[name]:
            raise ValueError(
                f"`separation.{name}` must be `{name}`, {metadata[name]!r}. Received: {separation[name]!r}."
            )


def _check_input(module, metadata, path):
    """Raises ValueError if a SavedModel takes another number of channels than its metadata say."""
    _, inputs = module.signatures["separate"].structured_input_signature
    shape = inputs["mixture"].shape.as_list() if set(inputs) == {"mixture"} else None
    has_progress = isinstance(getattr(module, "progress", None), tf.Variable)
    if shape != [None, metadata["channels"]] or not has_progress:
        raise ValueError(
            f"The SavedModel `{path}` must take what its metadata say, a mixture (time, "
            f"{metadata['channels']}). Received: {', '.join(map(str, inputs.values()))}. Make it again by "
            f"`{EXPORT_COMMAND}`."
        )


def separation_graph(
    networks: Any, config: WaveformSeparatorConfig | SpectrogramSeparatorConfig
) -> WaveformGraph | SpectrogramGraph:
    """Returns the graph of a separator's settings; arguments and errors are those of the graphs."""
    if isinstance(config, WaveformSeparatorConfig):
        return WaveformGraph(networks, config)
    return SpectrogramGraph(networks, config)


class GraphSeparator:
    """Separates songs of any length, rate and channels by a separation graph.

    Made by `load_separator`; the base of `Separator`, which makes the graph of Keras networks.

    Args:
        graph: `WaveformGraph`, `SpectrogramGraph`, or the module of the SavedModel of one: the functions
            `separate` and `separate_fast` of a tensor (time, channels), and the variable `progress`.
        metadata: dict, as of `Separator`.

    Attributes:
        metadata: that dict.
    """

    def __init__(self, graph: Any, metadata: dict[str, Any]):
        self._graph = graph
        self.metadata = metadata

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
