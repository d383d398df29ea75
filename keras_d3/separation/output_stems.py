"""The stems that are written: sources, sums of sources, and what they leave of the mixture."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from keras_d3.settings import RESIDUAL, StemFilesConfig


@dataclasses.dataclass(frozen=True)
class OutputStem:
    """A stem that is written.

    Args:
        name: string.
        sources: tuple of the sources it is the sum of; with `is_rest`, of those the mixture is without.
        is_rest: bool, whether it is the mixture minus the sources.
    """

    name: str
    sources: tuple[str, ...]
    is_rest: bool = False

    @property
    def is_source(self) -> bool:
        """Whether it is a source as the separator gives it."""
        return not self.is_rest and len(self.sources) == 1


def output_stems(sources: Sequence[str], config: StemFilesConfig) -> tuple[OutputStem, ...]:
    """Returns the stems that are written of a separator's sources.

    Args:
        sources: sequence of strings, the separator's.
        config: `StemFilesConfig`.

    Raises:
        ValueError: a chosen source is none of the separator's, or two stems would have one name.
    """
    _check_known("stems", config.stems or (), sources)
    if config.two_stems is None:
        chosen = tuple(source for source in sources if config.stems is None or source in config.stems)
        stems = [OutputStem(source, (source,)) for source in chosen]
        if config.residual:
            stems.append(OutputStem(RESIDUAL, chosen, is_rest=True))
    else:
        target = config.two_stems
        _check_known("two_stems", (target,), sources)
        others = tuple(source for source in sources if source != target)
        if config.rest == "sum" and not others:
            raise ValueError(
                f"`rest` 'sum' adds up the other sources, and this model has {target!r} alone. "
                "Take rest='residual'."
            )
        rest = OutputStem(f"no_{target}", others)
        if config.rest == RESIDUAL:
            rest = OutputStem(f"no_{target}", (target,), is_rest=True)
        stems = [OutputStem(target, (target,)), rest]
    names = [stem.name for stem in stems]
    if len(set(names)) < len(names):
        raise ValueError(f"Stems must have different names. Received: {names}. Choose others by `stems`.")
    return tuple(stems)


def mix_part(
    outputs: Sequence[OutputStem],
    take_mixture: Callable[[int], np.ndarray],
    stems: Iterator[tuple[str, np.ndarray]],
) -> Iterator[tuple[OutputStem, np.ndarray]]:
    """Makes the written stems of a part of a song, one after the other.

    Args:
        outputs: sequence of `OutputStem`.
        take_mixture: function that gives the part's mixture, of a number of samples.
        stems: iterator of `(source, array)`, all of one shape.

    Yields:
        `(output, array)`; sources as they come, sums and rests at the end.
    """
    sums: dict[OutputStem, np.ndarray] = {}
    mixture = None
    for source, stem in stems:
        if mixture is None and any(output.is_rest for output in outputs):
            mixture = take_mixture(len(stem))
        for output in outputs:
            if source not in output.sources:
                continue
            if output.is_source:
                yield output, stem
            elif output in sums:
                sums[output] += -stem if output.is_rest else stem
            else:
                sums[output] = mixture - stem if output.is_rest else stem.copy()
        del stem
    del mixture
    for output in list(sums):
        yield output, sums.pop(output)


def _check_known(name, chosen, sources):
    unknown = sorted(set(chosen) - set(sources))
    if unknown:
        raise ValueError(
            f"`{name}` must be among the model's sources, {', '.join(sources)}. "
            f"Received: {', '.join(unknown)}."
        )
