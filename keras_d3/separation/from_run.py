"""The separator of a run directory: the networks a training left there, with its settings."""

from pathlib import Path

from keras_d3.separation.rebuild_network import network_for_separation
from keras_d3.separation.separator import Separator
from keras_d3.settings import separation_from_dict
from keras_d3.utils import check_choice, read_json

CHECKPOINTS = ("best", "last")
MADE_BY = "python -m recipes.<name>.train"


def separator_from_run(run_dir, checkpoint="best", separation=None, segment_samples=None):
    """Makes a separator from the checkpoints of a run.

    Args:
        run_dir: run directory with `config.json` and `checkpoints/`; for one network per source
            (`"target": "all"`) with one such directory per source.
        checkpoint: `"best"` or `"last"`.
        separation: dict of separator settings in place of the run's own, such as `{"wiener": True}`.
        segment_samples: int, samples per window of a waveform network's outputs; None, those of its
            training (see `network_for_separation` for what others do).

    Returns:
        `Separator`. From a run of one target it gives that source only, without the Wiener filter,
        which needs all of them. Its metadata's `recipe` is the run's config.

    Raises:
        FileNotFoundError: no run there, or a checkpoint is missing.
        ValueError: the config has no fitting `separation`, or the networks do not fit it.

    Example:

    >>> separator_from_run("runs/d3net_mss/tiny").export("d3net")
    """
    import keras

    # Loading a checkpoint looks its layers up by name; these imports register them.
    import keras_d3.blocks
    import keras_d3.layers
    import keras_d3.models  # noqa: F401

    check_choice("checkpoint", checkpoint, CHECKPOINTS)
    run_dir = Path(run_dir)
    values = read_json(run_dir / "config.json", "run config", MADE_BY)
    if not isinstance(values, dict) or not isinstance(values.get("separation"), dict):
        raise ValueError(
            f"The run config `{run_dir / 'config.json'}` must have the settings of a separator under "
            f"`separation`. Train again by `{MADE_BY}`, or add them."
        )
    target, separation = values.get("target"), {**values["separation"], **(separation or {})}
    if target not in (None, "all"):
        patches = {target: (separation.get("source_patches") or {}).get(target)}
        separation.update(sources=[target], wiener=False, source_patches=patches if patches[target] else None)
    config = separation_from_dict(separation)

    def load(directory):
        file = directory / "checkpoints" / f"{checkpoint}.keras"
        if not file.is_file():
            raise FileNotFoundError(f"No checkpoint at `{file}`. It is made by `{MADE_BY}`.")
        return keras.saving.load_model(file, compile=False)

    if config.kind == "waveform":
        networks = network_for_separation(load(run_dir), values, segment_samples)
    elif segment_samples is not None:
        raise ValueError(
            "`segment_samples` must be None for spectrogram networks, which have patches of frames. "
            f"Received: segment_samples={segment_samples!r}."
        )
    elif target == "all":
        networks = {source: load(run_dir / source) for source in config.sources}
    elif target is None:
        raise ValueError(
            f"The run config `{run_dir / 'config.json'}` must name the `target` of a spectrogram network, or "
            "'all'. Received: target=None."
        )
    else:
        networks = {target: load(run_dir)}
    return Separator(networks, config, metadata={"recipe": values})
