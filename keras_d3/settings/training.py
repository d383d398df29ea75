"""Settings of training: loss, optimizer and schedule."""

import dataclasses

from keras_d3.utils import check_choice, check_positive_int

SAMPLE_LOSSES = ("mse", "mae")
STFT_LOSS = "multi_resolution_stft"
# Of that loss: (fft_length, frame_length, frame_step) in samples, table 1 of Yamamoto et al., 2020.
STFT_RESOLUTIONS = ((1024, 600, 120), (2048, 1200, 240), (512, 240, 50))
LOSSES = {"audio": (*SAMPLE_LOSSES, STFT_LOSS), "images": ("cross_entropy", "cross_entropy_over_all_pixels")}
OPTIMIZERS = ("adam", "rmsprop", "sgd")


CLIPPINGS = ("clipnorm", "global_clipnorm", "clipvalue")
DECAYS = ("none", "poly")


PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


CHECKPOINTS = ("best", "last")


MONITORS = {"audio": ("loss",), "images": ("loss", "mean_iou")}


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stretch of training at one batch size.

    Args:
        learning_rate: float, positive.
        batch_size: int, examples per step.
        epochs: int, maximum number of epochs.
        patience: int, epochs without a lower validation loss after which the stage ends early; None trains
            all `epochs`.
        decay: str, "none", a constant learning rate, or "poly": at step i of all N steps of the stage
            `(learning_rate - final_learning_rate) * (1 - i / N) ** decay_power + final_learning_rate`.
        decay_power, final_learning_rate: floats, see `decay`.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    patience: int | None = None
    decay: str = "none"
    decay_power: float = 0.9
    final_learning_rate: float = 0.0

    def __post_init__(self):
        if not self.learning_rate > 0:
            raise ValueError(
                f"`learning_rate` must be positive. Received: learning_rate={self.learning_rate!r}."
            )
        check_positive_int("batch_size", self.batch_size)
        check_positive_int("epochs", self.epochs)
        if self.patience is not None:
            check_positive_int("patience", self.patience)
        check_choice("decay", self.decay, DECAYS)
        if not 0 <= self.final_learning_rate <= self.learning_rate:
            raise ValueError(
                "`final_learning_rate` must be in [0, learning_rate]. Received: "
                f"final_learning_rate={self.final_learning_rate!r}, learning_rate={self.learning_rate!r}."
            )
        if not self.decay_power > 0:
            raise ValueError(f"`decay_power` must be positive. Received: decay_power={self.decay_power!r}.")

    def learning_rate_at(self, step, num_steps):
        """Returns the learning rate of a step, counted from 0 at the stage's begin.

        Args:
            step: int below `num_steps`.
            num_steps: int, steps of the whole stage.
        """
        if self.decay == "none":
            return self.learning_rate
        left = (1 - step / num_steps) ** self.decay_power
        return (self.learning_rate - self.final_learning_rate) * left + self.final_learning_rate


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Optimizer, loss and schedule.

    Args:
        stages: tuple of `Stage`, run one after the other on the same weights and optimizer state.
        steps_per_epoch: int, training steps between two validations; or None, with `excerpts_per_track`.
        loss: str, "mse" or "mae" (L1), averaged over the sources; for networks on waveforms also
            "multi_resolution_stft" (Yamamoto et al., 2020), a distance of magnitude spectra; for images
            "cross_entropy", averaged over pixels that have a class, or "cross_entropy_over_all_pixels".
        optimizer: str, "adam" or "rmsprop", with Keras' other defaults, or "sgd" with `momentum`.
        l2: float, factor of the L2 term added to gradients (`gradient + l2 * weight`); this
            is not decoupled weight decay.
        precision: str, Keras dtype policy of the network. Losses, STFT and batch statistics
            stay in float32.
        selection: str, which weights a separator or segmenter uses: "best" (of what is monitored) or
            "last". Without a validation split only "last" is possible.
        seed: int, random seed of weights, excerpts and augmentation.
        excerpts_per_track: int, length of an epoch as excerpts per training track of the records, so
            that it follows their number: `tracks * excerpts_per_track // batch_size` steps. Which
            tracks the excerpts come from is drawn as ever. None, with `steps_per_epoch`.
        epsilon: float, added by the optimizer to the square root of the squared gradients' mean (in Adam
            to that of the biased mean, as Keras and NNabla do). Keras' default is 1e-7, NNabla's 1e-8.
        input_statistics: bool, whether a spectrogram network's input normalization (`input_affine`)
            starts at `keras_d3.data.input_statistics` of the records. False: at 0 and 1.
        momentum: float, momentum of "sgd".
        l2_weights: str, regular expression searched in a weight's path ("res4_block1_conv2/kernel"): which
            weights have the L2 term. None: all trainable ones.
        learning_rate_multipliers: dict of regular expression to factor: a weight's gradient, L2 term
            included, is multiplied by the factor of the first expression found in its path. For "sgd"
            that multiplies its learning rate.
        monitor: str, what `selection="best"` and `patience` go by on the validation split: "loss", or for
            images "mean_iou" (more is better).
        auxiliary_weight: float, weight of the loss of `auxiliary_logits`, where a network returns them.
        ema_momentum: float in (0, 1), momentum of an exponential moving average of the weights over the
            steps, batch statistics included. Validation, `best` and `last` checkpoints and exports then have
            the averages; what is trained stays as it is. None: no average.
        gradient_accumulation_steps: int of at least 2, batches whose gradients are averaged for one update of
            the weights, as if the batch were so many times larger; batch normalization sees each alone.
            Steps, epochs and schedules still count batches. None: every batch updates.
        clipnorm: float, the largest L2 norm of each weight's gradient; longer ones are shortened. At most one
            of the three is given, and none of them is the default. Gradients are clipped after they are
            averaged over batches, and before L2 terms and factors of learning rates.
        global_clipnorm: float, the largest L2 norm of all gradients together.
        clipvalue: float, the largest absolute value of any entry of a gradient.
        stft_loss_weight: float, weight of the loss "multi_resolution_stft" that is added to "mse" or "mae" of
            networks on waveforms.
        tensorboard_excerpts: int, excerpts of the validation split whose mixture, targets and estimates are
            written for TensorBoard after every epoch, as audio and as spectrograms.

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
    momentum: float = 0.9
    l2_weights: str | None = None
    learning_rate_multipliers: dict = dataclasses.field(default_factory=dict)
    monitor: str = "loss"
    auxiliary_weight: float = 0.4
    ema_momentum: float | None = None
    gradient_accumulation_steps: int | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    clipvalue: float | None = None
    stft_loss_weight: float = 0.0
    tensorboard_excerpts: int = 0

    def __post_init__(self):
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage. Received: stages=().")
        self._check_epoch_length()
        self._check_gradients()
        check_choice("loss", self.loss, (*LOSSES["audio"], *LOSSES["images"]))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("selection", self.selection, CHECKPOINTS)
        check_choice("monitor", self.monitor, MONITORS["images"])
        if not 0 <= self.momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={self.momentum!r}.")
        if self.l2 < 0:
            raise ValueError(f"`l2` must not be negative. Received: l2={self.l2!r}.")
        if not self.epsilon > 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={self.epsilon!r}.")
        if self.ema_momentum is not None and not 0 < self.ema_momentum < 1:
            raise ValueError(
                "`ema_momentum` must be in (0, 1), or None for no average. "
                f"Received: ema_momentum={self.ema_momentum!r}."
            )
        check_positive_int("tensorboard_excerpts", self.tensorboard_excerpts, 0)
        if not self.stft_loss_weight >= 0 or (self.stft_loss_weight and self.loss not in SAMPLE_LOSSES):
            raise ValueError(
                f"`stft_loss_weight` must not be negative, and 0 unless `loss` is one of "
                f"{', '.join(map(repr, SAMPLE_LOSSES))}, to which it adds. Received: "
                f"stft_loss_weight={self.stft_loss_weight!r}, loss={self.loss!r}."
            )
        if not isinstance(self.input_statistics, bool):
            raise ValueError(
                "`input_statistics` must be True or False. "
                f"Received: input_statistics={self.input_statistics!r}."
            )
        if self.selection == "last" and any(stage.patience for stage in self.stages):
            raise ValueError(
                "`patience` watches the validation split, so `selection` must be 'best' where a stage "
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

    def _check_gradients(self):
        steps = self.gradient_accumulation_steps
        if steps is not None:
            check_positive_int("gradient_accumulation_steps", steps, 2)
            # So an epoch ends with an update, and a stage leaves no gradients over.
            if self.steps_per_epoch is not None and self.steps_per_epoch % steps:
                raise ValueError(
                    "`steps_per_epoch` must be a multiple of `gradient_accumulation_steps`. Received: "
                    f"steps_per_epoch={self.steps_per_epoch!r}, gradient_accumulation_steps={steps!r}."
                )
        given = {name: value for name in CLIPPINGS if (value := getattr(self, name)) is not None}
        if len(given) > 1:
            raise ValueError(
                "At most one of `clipnorm`, `global_clipnorm` and `clipvalue` may be given. Received: "
                f"{', '.join(f'{name}={value!r}' for name, value in given.items())}."
            )
        for name, value in given.items():
            if not value > 0:
                raise ValueError(
                    f"`{name}` must be positive, or None for no clipping. Received: {name}={value!r}."
                )

    def steps_of_epoch(self, num_tracks, batch_size):
        """Returns the training steps of one epoch, a multiple of `gradient_accumulation_steps`.

        Args:
            num_tracks: int, training tracks (or images) in the records.
            batch_size: int, examples per step of the stage.
        """
        if self.steps_per_epoch is not None:
            return self.steps_per_epoch
        # Rounded down as in the official D3Net code; records of very few tracks still train.
        unit = self.gradient_accumulation_steps or 1
        return max(1, num_tracks * self.excerpts_per_track // batch_size // unit) * unit

    @property
    def has_stft_loss(self):
        """Whether spectra of waveforms are part of the loss."""
        return self.loss == STFT_LOSS or self.stft_loss_weight > 0

    @property
    def num_epochs(self):
        """Epochs of all stages together, if none ends early."""
        return sum(stage.epochs for stage in self.stages)
