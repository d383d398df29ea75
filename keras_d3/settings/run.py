"""What a training run is: model, data, schedule and separation settings in one frozen object."""

import dataclasses

from keras_d3.settings.audio_data import AudioDataConfig
from keras_d3.settings.dicts import from_dict, to_dict
from keras_d3.settings.image_data import ImageDataConfig
from keras_d3.settings.training import LOSSES, MONITORS, TrainingConfig
from keras_d3.utils import check_choice

DATA_CONFIGS = {"audio": AudioDataConfig, "images": ImageDataConfig}
# Of a run on the one kind of data, what belongs to the other.
FOREIGN_SETTINGS = {"audio": ("segmentation",), "images": ("separation", "target")}


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result; saved in the run directory as `config.json`.

    Args:
        recipe: name of the recipe folder.
        name: name of the config in that recipe ("paper", "tiny", ...).
        preset: name of the model in `keras_d3.models.presets()`. "{target}" in it stands for the
            target, where one network per source is trained.
        data: `keras_d3.data.AudioDataConfig` or `ImageDataConfig`.
        training: `TrainingConfig`.
        separation: for audio, settings of the separator as a dict, `kind` among them
            (`keras_d3.settings.WaveformSeparatorConfig` or `SpectrogramSeparatorConfig`).
        tiny: build the preset's small sibling.
        model: further arguments of the model, over the preset's own.
        target: the source that a spectrogram network estimates, "all" for one network per
            source, None for networks that estimate all sources at once.
        segmentation: for images, settings of `keras_d3.settings.SegmenterConfig` as a dict, without
            normalisation and classes, which are those of the data.

    Raises:
        ValueError: settings that belong to audio stand beside images, or the other way round; a separator's
            are missing.
    """

    recipe: str
    name: str
    preset: str
    data: AudioDataConfig | ImageDataConfig
    training: TrainingConfig
    separation: dict = dataclasses.field(default_factory=dict)
    tiny: bool = False
    model: dict = dataclasses.field(default_factory=dict)
    target: str | None = None
    segmentation: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self._check_kind()
        if self.target is not None:
            check_choice("target", self.target, (*self.data.sources, "all"))
        if self.training.input_statistics and not self.is_spectrogram:
            raise ValueError(
                "`input_statistics` is for spectrogram networks. Received: input_statistics=True with "
                f"separation of kind {self.separation.get('kind')!r}. Set it to False."
            )

    def _check_kind(self):
        kind = self.data.kind
        check_choice("loss", self.training.loss, LOSSES[kind])
        check_choice("monitor", self.training.monitor, MONITORS[kind])
        for name in FOREIGN_SETTINGS[kind]:
            if getattr(self, name):
                raise ValueError(
                    f"`{name}` must be left out where the data are {kind}. "
                    f"Received: {name}={getattr(self, name)!r}."
                )
        if kind == "audio" and not self.separation:
            raise ValueError("`separation` must hold a separator's settings. Received: separation={}.")

    @property
    def is_spectrogram(self):
        """Whether the network works on magnitudes (one network per target)."""
        return self.separation.get("kind") == "spectrogram"

    def for_target(self, target):
        """The same run for one target."""
        return dataclasses.replace(self, target=target)

    def to_dict(self):
        """JSON-ready dict; `RunConfig.from_dict` gives back an equal object."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, values):
        """Restores a saved config; an unknown key raises ValueError."""
        data = values.get("data") if isinstance(values, dict) else None
        if isinstance(data, dict):
            # Configs of audio have no kind: it is younger than they.
            kind = check_choice("data.kind", data.get("kind", "audio"), DATA_CONFIGS)
            values = {**values, "data": from_dict(DATA_CONFIGS[kind], data, f"{cls.__name__}.data")}
        return from_dict(cls, values)
