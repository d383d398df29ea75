"""What a training run is: model, data, schedule and separation settings in one frozen object."""

import dataclasses

from keras_d3.data import AudioDataConfig
from keras_d3.models import presets
from keras_d3.utils.config import from_dict, to_dict
from keras_d3.utils.validation import check_choice, check_positive_int

LOSSES = ("mse", "mae")
OPTIMIZERS = ("adam", "rmsprop")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
SELECTIONS = ("best", "last")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stretch of training at a constant learning rate and batch size.

    Args:
        learning_rate: positive float.
        batch_size: examples per step.
        epochs: at most that many epochs.
        patience: the stage ends early after that many epochs without a lower
            validation loss; None trains all `epochs`.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    patience: int | None = None

    def __post_init__(self):
        if not self.learning_rate > 0:
            raise ValueError(
                f"`learning_rate` must be positive. Received: learning_rate={self.learning_rate!r}."
            )
        check_positive_int("batch_size", self.batch_size)
        check_positive_int("epochs", self.epochs)
        if self.patience is not None:
            check_positive_int("patience", self.patience)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Optimiser, loss and schedule.

    Args:
        stages: `Stage`s, run one after the other on the same weights and optimiser state.
        steps_per_epoch: training steps between two validations.
        loss: "mse" or "mae", averaged over the sources.
        optimizer: "adam" or "rmsprop", with Keras' other defaults.
        l2: factor of the L2 term added to every gradient (`gradient + l2 * weight`); this
            is not decoupled weight decay.
        precision: Keras dtype policy of the network. Losses, STFT and batch statistics
            stay in float32.
        selection: which weights a separator uses: "best" (lowest validation loss) or
            "last". Without a validation split only "last" is possible.
        seed: of weights, excerpts and augmentation.
    """

    stages: tuple[Stage, ...]
    steps_per_epoch: int
    loss: str = "mse"
    optimizer: str = "adam"
    l2: float = 0.0
    precision: str = "float32"
    selection: str = "best"
    seed: int = 0

    def __post_init__(self):
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage. Received: stages=().")
        check_positive_int("steps_per_epoch", self.steps_per_epoch)
        check_choice("loss", self.loss, LOSSES)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("selection", self.selection, SELECTIONS)
        if self.l2 < 0:
            raise ValueError(f"`l2` must not be negative. Received: l2={self.l2!r}.")
        if self.selection == "last" and any(stage.patience for stage in self.stages):
            raise ValueError(
                "`patience` watches the validation loss, so `selection` must be 'best' where a stage "
                f"has one. Received: selection={self.selection!r}."
            )

    @property
    def num_epochs(self):
        """Epochs of all stages together, if none ends early."""
        return sum(stage.epochs for stage in self.stages)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's result; saved in the run directory as `config.json`.

    Args:
        recipe: name of the recipe folder.
        name: name of the config in that recipe ("paper", "tiny", ...).
        preset: name of the model in `keras_d3.models.presets()`. "{target}" in it stands for the
            target, where one network per source is trained.
        data: `keras_d3.data.AudioDataConfig`.
        training: `TrainingConfig`.
        separation: settings of the separator as a dict, `kind` among them
            (`keras_d3.inference.WaveformSeparation` or `SpectrogramSeparation`).
        tiny: build the preset's small sibling.
        model: further arguments of the model, over the preset's own.
        target: the source that a spectrogram network estimates, "all" for one network per
            source, None for networks that estimate all sources at once.
    """

    recipe: str
    name: str
    preset: str
    data: AudioDataConfig
    training: TrainingConfig
    separation: dict
    tiny: bool = False
    model: dict = dataclasses.field(default_factory=dict)
    target: str | None = None

    def __post_init__(self):
        if self.target is not None:
            check_choice("target", self.target, (*self.data.sources, "all"))

    @property
    def is_spectrogram(self):
        """Whether the network works on magnitudes (one network per target)."""
        return self.separation.get("kind") == "spectrogram"

    @property
    def preset_name(self):
        """Name of the preset with the target filled in.

        A target that the paper has no configuration for (a guitar, say) gets the one for "other".
        """
        name = self.preset.format(target=self.target)
        return name if name in presets() else self.preset.format(target="other")

    def for_target(self, target):
        """The same run for one target."""
        return dataclasses.replace(self, target=target)

    def to_dict(self):
        """JSON-ready dict; `RunConfig.from_dict` gives back an equal object."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, values):
        """Restores a saved config; an unknown key raises ValueError."""
        return from_dict(cls, values)
