"""What the networks of a run started from: a file of weights, or drawn ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.runs.origin import FROM_SCRATCH
from keras_d3.runs.run import Run
from keras_d3.settings import RunConfig

# Enough of a SHA-256 to tell files apart in a table; the whole is in the run directory.
_SHOWN_DIGITS = 12


def check_initial_weights(
    config: RunConfig, run_dir: str | Path, is_given: bool, from_scratch: bool = False
) -> None:
    """Refuses to draw the weights of networks whose config starts from other ones.

    A run that has begun keeps what it started with, and need not be told again. Reads no records.

    Args:
        config: `RunConfig`, of one network or, with `target="all"`, of one per source.
        run_dir: directory of the run.
        is_given: bool, whether there are initial weights.
        from_scratch: bool, whether drawing the weights is wanted all the same.

    Raises:
        ValueError: the config says `pretrained`, the run is new, and there are neither initial weights nor
            `from_scratch`; or there are both.
    """
    if is_given and from_scratch:
        raise ValueError(
            "`initial_weights` and `from_scratch` must not be given together. Received: both. Leave one out."
        )
    if not config.pretrained or is_given or from_scratch:
        return
    folders = [Path(run_dir) / target for target in config.sources] if config.target == "all" else [run_dir]
    if all(Run(folder).has_begun for folder in folders):
        return
    raise ValueError(
        f"`initial_weights` must be given for the config {config.name!r}, which starts from other weights "
        "(`pretrained`). Received: initial_weights=None. Give a file (`--initial-weights FILE`), or start "
        "from drawn weights and say so (`--from-scratch`): the scores are not comparable to the published "
        "ones then."
    )


def initial_weights_in_words(descriptions: Mapping[str, Mapping[str, Any]]) -> str:
    """Says in one line what networks started from.

    Args:
        descriptions: dict of target to description, `Run.describe()["initial_weights"]`.

    Returns:
        `"from scratch"`, or file names with the beginning of their SHA-256; once for all networks where
        it is the same for all.

    Example:

    >>> from keras_d3.runs import initial_weights_in_words
    >>> initial_weights_in_words({"None": {"source": "last.keras", "sha256": 64 * "0"}})
    'last.keras (SHA-256 000000000000...)'
    """
    words = {target: _in_words(description) for target, description in descriptions.items()}
    if len(set(words.values())) == 1:
        return next(iter(words.values()))
    return "; ".join(f"{target}: {text}" for target, text in words.items())


def _in_words(description):
    if description == FROM_SCRATCH:
        return FROM_SCRATCH["source"]
    checksum = description.get("sha256")
    return description["source"] + (f" (SHA-256 {checksum[:_SHOWN_DIGITS]}...)" if checksum else "")
