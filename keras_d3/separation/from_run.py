"""The separator of a run directory: the networks a training left there, with its settings."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.runs import Run
from keras_d3.separation.rebuild_network import network_for_separation
from keras_d3.separation.separator import Separator
from keras_d3.settings import RunConfig, SeparatorConfig, from_dict, to_dict


def separator_from_run(
    run_dir: str | Path,
    checkpoint: str = "best",
    separation: Mapping[str, Any] | None = None,
    segment_samples: int | None = None,
) -> Separator:
    """Makes a separator from the checkpoints of a run.

    Args:
        run_dir: path, run directory of a recipe on audio.
        checkpoint: `"best"` or `"last"`.
        separation: dict of separator settings in place of the run's own, such as `{"wiener": True}`.
        segment_samples: int, samples per window of a waveform network's outputs; None, those of its
            training (see `network_for_separation` for what others do).

    Returns:
        `Separator`. From a run of one target it gives that source only, without the Wiener filter,
        which needs all of them. Its metadata's `recipe` is the run's config.

    Raises:
        FileNotFoundError: no run there, or a checkpoint is missing.
        ValueError: it is no run on audio, a spectrogram network has no target, or the networks do not fit
            the settings.

    Example:

    >>> separator_from_run("runs/d3net_mss/tiny").export("d3net")
    """
    run = Run(run_dir)
    config = separator_config(run.config, separation or {})
    if config.kind == "waveform":
        networks = network_for_separation(run.load(checkpoint), run.config, segment_samples)
    elif segment_samples is not None:
        raise ValueError(
            "`segment_samples` must be None for spectrogram networks, which have patches of frames. "
            f"Received: segment_samples={segment_samples!r}."
        )
    else:
        networks = {source: network.load(checkpoint) for source, network in run.networks.items()}
    return Separator(networks, config, metadata={"recipe": run.config.to_dict()})


def separator_config(config: RunConfig, changes: Mapping[str, Any]) -> SeparatorConfig:
    """Returns the settings of a run's separator, with changes; of one target, if the run has one.

    Raises:
        ValueError: the run is not on audio, a spectrogram network has no target, or a change is unknown or
            out of range.
    """
    if config.separation is None:
        raise ValueError(f"The run must be one on audio. Received: a run on {config.data.kind}.")
    separation = from_dict(SeparatorConfig, {**to_dict(config.separation), **changes}, "separation")
    if not config.is_spectrogram or config.target == "all":
        return separation
    if config.target is None:
        raise ValueError(
            "The config of a run must name the `target` of a spectrogram network, or 'all'. "
            "Received: target=None."
        )
    patches = (separation.source_patches or {}).get(config.target)
    return dataclasses.replace(
        separation,
        sources=(config.target,),
        wiener=False,
        source_patches={config.target: patches} if patches else None,
    )
