"""What a named configuration of a network consists of."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping

from keras_d3.images import ImageNormalization, LabelSet

TASKS = ("waveform", "spectrogram", "segmentation")


@dataclasses.dataclass(frozen=True, eq=False)
class Preset:
    """A named configuration: the builder of a network and the arguments a paper gives it.

    Args:
        name: string, the preset's name; the model it builds carries the same name.
        paper: string, the citation, with the table or section the numbers come from.
        parameters: int, the number of trainable parameters of the full-size network.
        task: `"waveform"`, `"spectrogram"` or `"segmentation"`.
        builder: function of keyword arguments (one of them `name`) that returns a `keras.Model`.
        arguments: dict, the builder's keyword arguments; what is not named keeps the builder's default.
        tiny: dict of overriding keyword arguments that make the network small enough for tests and demos.
        description: string, one line for lists.
        sample_rate_hz: int, the rate the network works at, or None (segmentation).
        sources: tuple of strings: what the network estimates. For a spectrogram network it is the
            one target, or `()` where the configuration serves any target.
        stft: dict with `frame_length` and `frame_step`, or None where no spectrogram is taken.
        receptive_field: function of the merged arguments (see `merged_arguments`) that returns the
            theoretical receptive field in samples (waveform) or frames (spectrogram), or None.
        normalization: `ImageNormalization`, what a segmentation network's training does to pixels; or None.
        label_set: `LabelSet`, the classes a segmentation network's paper has first; or None.

    Raises:
        ValueError: `task` is unknown, a segmentation preset has no `normalization`, or `arguments` or
            `tiny` hold a name the builder does not take.
    """

    name: str
    paper: str
    parameters: int
    task: str
    builder: Callable
    arguments: Mapping
    tiny: Mapping = dataclasses.field(default_factory=dict)
    description: str = ""
    sample_rate_hz: int | None = None
    sources: tuple = ()
    stft: Mapping | None = None
    receptive_field: Callable | None = None
    normalization: ImageNormalization | None = None
    label_set: LabelSet | None = None

    def __post_init__(self):
        if self.task not in TASKS:
            raise ValueError(
                f"`task` must be one of {', '.join(map(repr, TASKS))}. "
                f"Received: task={self.task!r} in preset {self.name!r}."
            )
        if self.task == "segmentation" and self.normalization is None:
            raise ValueError(
                "`normalization` must be given for task='segmentation'. "
                f"Received: normalization=None in preset {self.name!r}."
            )
        self._check_known({**self.arguments, **self.tiny})

    @property
    def known_arguments(self):
        """Names of the arguments that `build` may override, in the builder's order."""
        return tuple(name for name in inspect.signature(self.builder).parameters if name != "name")

    def merged_arguments(self, tiny=False, **overrides):
        """Returns every builder argument: its default, then the preset's, then `tiny`, then overrides.

        Raises:
            ValueError: an override is no argument of the builder.
        """
        self._check_known(overrides)
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(self.builder).parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        return {
            **defaults,
            **self.arguments,
            **(self.tiny if tiny else {}),
            **overrides,
            "name": self.name,
        }

    def build(self, tiny=False, **overrides):
        """Returns the `keras.Model` of this preset, named after it."""
        return self.builder(**self.merged_arguments(tiny=tiny, **overrides))

    def _check_known(self, arguments):
        unknown = sorted(set(arguments) - set(self.known_arguments))
        if unknown:
            raise ValueError(
                f"Unknown argument{'s' if len(unknown) > 1 else ''} of preset {self.name!r}: "
                f"{', '.join(unknown)}. Known arguments: {', '.join(self.known_arguments)}."
            )
