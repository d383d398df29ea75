"""Preset: a named configuration of a network."""

import dataclasses
from collections.abc import Mapping

from keras_d3.images import ImageNormalization, LabelSet

TASKS = ("waveform", "spectrogram", "segmentation")


@dataclasses.dataclass(frozen=True, eq=False)
class Preset:
    """A named configuration: the arguments that a paper gives a network.

    Args:
        name: string, the preset's name; the model it builds carries the same name.
        paper: string, the citation, with the table or section the numbers come from.
        parameters: int, the number of trainable parameters of the full-size network.
        task: `"waveform"`, `"spectrogram"` or `"segmentation"`.
        arguments: dict, the network's arguments; those that are not named keep their default.
        tiny: dict of overriding arguments that make the network small enough for tests and demos.
        description: string, one line for lists.
        sample_rate_hz: int, the rate the network works at, or None (segmentation).
        sources: tuple of strings, the sources that the network estimates. None for those of `arguments`,
            or for none: a spectrogram network estimates one target, and `()` stands for any.
        stft: dict with `frame_length` and `frame_step` of the spectrogram at the input, or None.
        normalization: `ImageNormalization`, how a segmentation network's training normalizes pixels; or None.
        label_set: `LabelSet`, the classes a segmentation network's paper has first; or None.
        network: the subclass of `Network` that it configures. The class whose `presets` hold it sets this.

    Raises:
        ValueError: `task` is unknown, a segmentation preset has no `normalization`, or `arguments` or
            `tiny` hold a name the network does not take.
    """

    name: str
    paper: str
    parameters: int
    task: str
    arguments: Mapping
    tiny: Mapping = dataclasses.field(default_factory=dict)
    description: str = ""
    sample_rate_hz: int | None = None
    sources: tuple | None = None
    stft: Mapping | None = None
    normalization: ImageNormalization | None = None
    label_set: LabelSet | None = None
    network: type | None = None

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
        if self.sources is None:
            object.__setattr__(self, "sources", tuple(self.arguments.get("sources", ())))
        if self.network is not None:
            self._check_known({**self.arguments, **self.tiny})

    @property
    def known_arguments(self):
        """Names of the arguments that `build` may override, in the network's order."""
        return tuple(field.name for field in dataclasses.fields(self.network.arguments_class))

    def merged_arguments(self, tiny=False, **overrides):
        """Returns all arguments of the network: its defaults, replaced by the preset's, `tiny` and overrides.

        Args:
            tiny: bool, whether to take the arguments of the small sibling.
            **overrides: the network's arguments that replace the preset's.

        Returns:
            dict of name -> value.

        Raises:
            ValueError: an override is no argument of the network.
        """
        defaults = {
            field.name: field.default
            for field in dataclasses.fields(self.network.arguments_class)
            if field.default is not dataclasses.MISSING
        }
        return {**defaults, **self._given(tiny, overrides)}

    def build(self, tiny=False, **overrides):
        """Returns the network of this preset, named after it.

        Args:
            tiny: bool, whether to build the small sibling.
            **overrides: the network's arguments that replace the preset's.

        Raises:
            ValueError: an override is unknown or breaks its rule.
        """
        return self.network(name=self.name, **self._given(tiny, overrides))

    def _given(self, tiny, overrides):
        self._check_known(overrides)
        return {**self.arguments, **(self.tiny if tiny else {}), **overrides}

    def _check_known(self, arguments):
        unknown = sorted(set(arguments) - set(self.known_arguments))
        if unknown:
            raise ValueError(
                f"Unknown argument{'s' if len(unknown) > 1 else ''} of preset {self.name!r}: "
                f"{', '.join(unknown)}. Known arguments: {', '.join(self.known_arguments)}."
            )


def by_name(presets):
    """Returns presets as a dict of name -> `Preset`, in their order."""
    return {preset.name: preset for preset in presets}
