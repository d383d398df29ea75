"""Settings of a training run: network, data, schedule, and the separator or segmenter made of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras_d3.images import label_set_of
from keras_d3.settings.audio_data import AudioDataConfig
from keras_d3.settings.changes import set_value
from keras_d3.settings.dicts import from_dict, to_dict
from keras_d3.settings.image_data import ImageDataConfig
from keras_d3.settings.segmenter import SegmenterConfig
from keras_d3.settings.separator import SpectrogramSeparatorConfig, WaveformSeparatorConfig
from keras_d3.settings.training import LOSSES, MONITORS, STFT_RESOLUTIONS, TrainingConfig
from keras_d3.utils import check_choice, without_checksum

# The settings of separators and segmenters that are those of the data; saved configs have them once.
AUDIO_FACTS = ("sample_rate_hz", "channels", "sources")
IMAGE_FACTS = ("normalization", "label_set")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result; saved in the run directory as `config.json`.

    Args:
        recipe: str, name of the recipe folder.
        name: str, name of the config in that recipe ("paper", "tiny", ...).
        preset: str, name of the network in `keras_d3.models.presets()`. "{target}" in it stands for the
            target, where one network per source is trained.
        data: `AudioDataConfig` or `ImageDataConfig`, how examples are made from records.
        training: `TrainingConfig`, loss, optimizer and schedule.
        separation: `WaveformSeparatorConfig` or `SpectrogramSeparatorConfig`, the separator of a run on
            audio, with the sample rate, channels and sources of the data. None for images.
        tiny: bool, whether the preset's small sibling is built.
        model: dict, arguments of the network that replace those of the preset.
        target: str or None, the source that a spectrogram network estimates, "all" for one network per
            source, None for networks that estimate all sources at once.
        segmentation: `SegmenterConfig`, the segmenter of a run on images, with the normalization and
            classes of the data; None for audio.
        pretrained: bool, whether the network starts from other weights: a new run is refused without
            `initial_weights`, unless it is told to start from scratch.

    Raises:
        ValueError: settings of audio stand beside images, or the other way round; the separator or segmenter
            is missing or does not fit the data.
    """

    recipe: str
    name: str
    preset: str
    data: AudioDataConfig | ImageDataConfig
    training: TrainingConfig
    separation: WaveformSeparatorConfig | SpectrogramSeparatorConfig | None = None
    tiny: bool = False
    model: dict = dataclasses.field(default_factory=dict)
    target: str | None = None
    segmentation: SegmenterConfig | None = None
    pretrained: bool = False

    def __post_init__(self):
        kind = self.data.kind
        check_choice("loss", self.training.loss, LOSSES[kind])
        check_choice("monitor", self.training.monitor, MONITORS[kind])
        if kind == "audio":
            self._check_audio(self.data)
        else:
            self._check_images(self.data)
        if self.training.has_stft_loss:
            self._check_stft_loss(self.data)
        if self.training.input_statistics and not self.is_spectrogram:
            raise ValueError(
                "`input_statistics` is for spectrogram networks. Received: input_statistics=True with "
                f"separation of kind {getattr(self.separation, 'kind', None)!r}. Set it to False."
            )

    def _check_stft_loss(self, data):
        if not isinstance(self.separation, WaveformSeparatorConfig):
            raise ValueError(
                "The multi-resolution STFT loss is for networks on waveforms. Received: "
                f"training.loss={self.training.loss!r}, training.stft_loss_weight="
                f"{self.training.stft_loss_weight!r} with separation of kind "
                f"{getattr(self.separation, 'kind', None)!r}. Choose another `loss` and weight 0."
            )
        longest = max(frame_length for _, frame_length, _ in STFT_RESOLUTIONS)
        if data.output_samples < longest:
            raise ValueError(
                f"`data.output_samples` must be at least {longest}, the longest frame of the "
                f"multi-resolution STFT loss. Received: data.output_samples={data.output_samples!r}."
            )

    def _check_audio(self, data):
        if self.segmentation is not None:
            raise ValueError(
                "`segmentation` must be left out where the data are audio. "
                f"Received: segmentation={self.segmentation!r}."
            )
        if self.separation is None:
            raise ValueError(
                "`separation` must hold a separator's settings where the data are audio. "
                "Received: separation=None."
            )
        for name in AUDIO_FACTS:
            ours, theirs = getattr(self.separation, name), getattr(data, name)
            if ours != theirs:
                raise ValueError(
                    f"`separation.{name}` must be that of the data. Received: separation.{name}={ours!r}, "
                    f"data.{name}={theirs!r}."
                )
        if self.target is not None:
            check_choice("target", self.target, (*data.sources, "all"))
        if isinstance(self.separation, SpectrogramSeparatorConfig):
            if data.input_samples != data.output_samples:
                raise ValueError(
                    "`data.output_samples` must be `data.input_samples` for a network of spectrograms, whose "
                    f"inputs and outputs have the same frames. Received: data.input_samples="
                    f"{data.input_samples}, data.output_samples={data.output_samples}."
                )
            frames = 1 + data.input_samples // self.separation.frame_step
            if frames < self.separation.patch_frames:
                raise ValueError(
                    "`separation.patch_frames` must be at most the frames of a training excerpt, "
                    f"1 + data.input_samples // separation.frame_step = {frames}. Received: "
                    f"separation.patch_frames={self.separation.patch_frames}, "
                    f"data.input_samples={data.input_samples}, "
                    f"separation.frame_step={self.separation.frame_step}."
                )

    def _check_images(self, data):
        if self.training.tensorboard_excerpts:
            raise ValueError(
                "`tensorboard_excerpts` are of audio, and must be 0 where the data are images. Received: "
                f"training.tensorboard_excerpts={self.training.tensorboard_excerpts!r}."
            )
        for name in ("separation", "target"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` must be left out where the data are images. "
                    f"Received: {name}={getattr(self, name)!r}."
                )
        if self.segmentation is None:
            raise ValueError(
                "`segmentation` must hold a segmenter's settings where the data are images. "
                "Received: segmentation=None."
            )
        facts = {"normalization": data.normalization, "label_set.names": data.classes}
        found = (self.segmentation.normalization, self.segmentation.label_set.names)
        for (name, wanted), ours in zip(facts.items(), found, strict=True):
            if ours != wanted:
                raise ValueError(
                    f"`segmentation.{name}` must be that of the data. Received: {ours!r}, not {wanted!r}."
                )

    @property
    def is_spectrogram(self) -> bool:
        """Whether the network works on magnitudes (one network per target)."""
        return isinstance(self.separation, SpectrogramSeparatorConfig)

    @property
    def targets(self) -> tuple[str | None, ...]:
        """The target of every network of the run; `(None,)` for one that estimates all sources."""
        return self.sources if self.target == "all" else (self.target,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the data; none where they are images."""
        return self.data.sources if isinstance(self.data, AudioDataConfig) else ()

    def for_target(self, target: str | None) -> "RunConfig":
        """Returns the same run for one target."""
        return dataclasses.replace(self, target=target)

    def with_sources(self, sources: Sequence[str]) -> "RunConfig":
        """Returns the same run for another list of sources: data, network and separator follow it."""
        changes: dict[str, Any] = {"data.sources": list(sources)}
        if not isinstance(self.separation, SpectrogramSeparatorConfig):
            changes["model.sources"] = list(sources)
        elif patches := self.separation.source_patches:
            kept = {name: list(patches[name]) for name in sources if name in patches}
            changes["separation.source_patches"] = kept or None
        return self.changed(changes)

    def changed(self, changes: Mapping[str, Any]) -> "RunConfig":
        """Returns a config that differs in some values.

        Args:
            changes: dict of key to value. Keys are those of `to_dict`, with dots between
                ("training.stages.0.epochs"); values are JSON-ready, or config dataclasses.

        Returns:
            `RunConfig`.

        Raises:
            ValueError: an unknown key, a value of another type than its field, or one out of range.

        Example:

        >>> config = recipe.config("tiny").changed({"training.seed": 1, "data.channels": 1})
        """
        values = self.to_dict()
        for key, value in changes.items():
            set_value(values, key, to_dict(value))
        return RunConfig.from_dict(values)

    def to_dict(self) -> dict:
        """Returns a JSON-ready dict; `RunConfig.from_dict` gives back an equal object."""
        values = to_dict(self)
        for key, facts in (("separation", AUDIO_FACTS), ("segmentation", IMAGE_FACTS)):
            for name in facts if values[key] else ():
                del values[key][name]
        return values

    @classmethod
    def from_dict(cls, values: Any) -> "RunConfig":
        """Restores a config from what `to_dict` gives.

        Raises:
            ValueError: an unknown or missing key, a value of another type than its field, or out of range;
                or a checksum is there, as in config.json, that does not fit.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"`RunConfig` must be a mapping of settings. Received: RunConfig={values!r}.")
        values = dict(without_checksum(values, "config"))
        data = values["data"] = from_dict(AudioDataConfig | ImageDataConfig, values.get("data"), "data")
        separation, segmentation = values.get("separation"), values.get("segmentation")
        if isinstance(separation, Mapping) and isinstance(data, AudioDataConfig):
            values["separation"] = {**separation, **{name: getattr(data, name) for name in AUDIO_FACTS}}
        if isinstance(segmentation, Mapping) and isinstance(data, ImageDataConfig):
            facts = {"normalization": data.normalization, "label_set": label_set_of(data.classes)}
            values["segmentation"] = {**segmentation, **facts}
        return from_dict(cls, values)
