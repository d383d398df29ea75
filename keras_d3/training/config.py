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
        steps_per_epoch: training steps between two validations; or None, with
            `excerpts_per_track`.
        loss: "mse" or "mae", averaged over the sources.
        optimizer: "adam" or "rmsprop", with Keras' other defaults.
        l2: factor of the L2 term added to every gradient (`gradient + l2 * weight`); this
            is not decoupled weight decay.
        precision: Keras dtype policy of the network. Losses, STFT and batch statistics
            stay in float32.
        selection: which weights a separator uses: "best" (lowest validation loss) or
            "last". Without a validation split only "last" is possible.
        seed: of weights, excerpts and augmentation.
        excerpts_per_track: length of an epoch as excerpts per training track of the records, so
            that it follows their number: `tracks * excerpts_per_track // batch_size` steps. Which
            tracks the excerpts come from is drawn as ever. None, with `steps_per_epoch`.
        epsilon: of the optimiser, added to the square root of the squared gradients' mean (in Adam to
            that of the biased mean, as Keras and NNabla do). Keras' default is 1e-7, NNabla's 1e-8.
        input_statistics: whether a spectrogram network's input normalisation (`input_affine`)
            starts at `keras_d3.data.input_statistics` of the records. False: at 0 and 1.

    Raises:
        ValueError: a setting is out of range, or two contradict each other.
    """

    stages: tuple[Stage, ...]
    steps_per_epoch: int | None = None
    loss: str = "mse"
    optimizer: str = "adam"
    l2: float = 0.0
    precision: str = "float32"
    selection: str = "best"
    seed: int = 0
    excerpts_per_track: int | None = None
    epsilon: float = 1e-7
    input_statistics: bool = False

    def __post_init__(self):
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage. Received: stages=().")
        self._check_epoch_length()
        check_choice("loss", self.loss, LOSSES)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("selection", self.selection, SELECTIONS)
        if self.l2 < 0:
            raise ValueError(f"`l2` must not be negative. Received: l2={self.l2!r}.")
        if not self.epsilon > 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={self.epsilon!r}.")
        if not isinstance(self.input_statistics, bool):
            raise ValueError(
                "`input_statistics` must be True or False. "
                f"Received: input_statistics={self.input_statistics!r}."
            )
        if self.selection == "last" and any(stage.patience for stage in self.stages):
            raise ValueError(
                "`patience` watches the validation loss, so `selection` must be 'best' where a stage "
                f"has one. Received: selection={self.selection!r}."
            )

    def _check_epoch_length(self):
        if (self.steps_per_epoch is None) == (self.excerpts_per_track is None):
            raise ValueError(
                "Exactly one of `steps_per_epoch` and `excerpts_per_track` must be given. Received: "
                f"steps_per_epoch={self.steps_per_epoch!r}, excerpts_per_track={self.excerpts_per_track!r}. "
                "Set the other one to None (`--set training.excerpts_per_track=null`)."
            )
        if self.steps_per_epoch is not None:
            check_positive_int("steps_per_epoch", self.steps_per_epoch)
        else:
            check_positive_int("excerpts_per_track", self.excerpts_per_track)

    def steps_of_epoch(self, num_tracks, batch_size):
        """Returns the training steps of one epoch.

        Args:
            num_tracks: training tracks in the records.
            batch_size: of the stage.
        """
        if self.steps_per_epoch is not None:
            return self.steps_per_epoch
        # Rounded down as in the official D3Net code; records of very few tracks still train.
        return max(1, num_tracks * self.excerpts_per_track // batch_size)

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
        if self.training.input_statistics and not self.is_spectrogram:
            raise ValueError(
                "`input_statistics` is for spectrogram networks. Received: input_statistics=True with "
                f"separation of kind {self.separation.get('kind')!r}. Set it to False."
            )

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
