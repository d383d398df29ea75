"""Exports of trained runs: separators and segmenters as SavedModels, networks for other runtimes.

RUN/saved_model/                          the separator or segmenter
RUN/wiener_on/, RUN/wiener_off/           likewise where the filter is not as in the run's config
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.export import has_openvino_networks
from keras_d3.runs import Run
from keras_d3.segmentation import read_segmenter_metadata, segmenter_from_run
from keras_d3.separation import read_separator_metadata, separator_from_run
from keras_d3.settings import RunConfig, to_dict


def export_run(
    run_dir: str | Path,
    path: str | Path | None = None,
    openvino: bool = False,
    wiener: bool | None = None,
    segment_samples: int | None = None,
) -> Path:
    """Exports the separator of a finished run as a SavedModel, unless it is there already.

    Args:
        run_dir: path, run directory of `train_targets`.
        path: directory of the SavedModel; by default `run_dir/saved_model` (see above for another `wiener`).
        openvino: bool, whether it has to carry its networks for OpenVINO, too.
        wiener: bool, whether a separator of spectrogram networks filters; None as the run's config says.
        segment_samples: int, samples per window of a waveform network's outputs, if not those of its
            training; see `keras_d3.separation.rebuild_network`.

    Returns:
        Path of the SavedModel.

    Raises:
        FileNotFoundError: no run at `run_dir`.
        ValueError: training is not finished.
    """
    run = Run(run_dir)
    changes = wiener_changes(run.config, wiener)
    path = Path(path) if path else results_dir(run_dir, changes) / "saved_model"
    made_from = {**run.describe(), **changes}
    if segment_samples is not None:
        made_from["segment_samples"] = segment_samples
    is_there = _is_made_from(path, read_separator_metadata, made_from)
    if is_there and (has_openvino_networks(path) or not openvino):
        return path
    separator = separator_from_run(
        run_dir,
        checkpoint=run.config.training.selection,
        separation=changes,
        segment_samples=segment_samples,
    )
    separator.metadata["recipe"] = _recipe_metadata(run, made_from)
    separator.export(path, overwrite=True, openvino=openvino)
    return path


def export_run_networks(run_dir: str | Path, file_format: str, path: str | Path | None = None) -> Path:
    """Exports the networks of a finished run alone; see `Separator.export_networks`.

    Args:
        run_dir: run directory of `train_targets`.
        file_format: `"openvino"` or `"onnx"`.
        path: directory; by default `run_dir/<file_format>`. Former exports there are replaced.

    Returns:
        Path of the directory.

    Raises:
        FileNotFoundError: no run at `run_dir`.
        FileExistsError: `path` is no directory of exported networks.
        ValueError: training is not finished.
        ModuleNotFoundError: a package of the extra `export` is not installed.
    """
    run = Run(run_dir)
    made_from = run.describe()
    separator = separator_from_run(run_dir, checkpoint=run.config.training.selection)
    separator.metadata["recipe"] = _recipe_metadata(run, made_from)
    return separator.export_networks(path or run.path / file_format, file_format, overwrite=True)


def export_segmentation_run(
    run_dir: str | Path, path: str | Path | None = None, changes: Mapping[str, Any] | None = None
) -> Path:
    """Exports the segmenter of a finished run as a SavedModel, unless it is there already.

    Args:
        run_dir: run directory of a segmentation recipe.
        path: where to; by default `run_dir/saved_model`.
        changes: dict of settings of `SegmenterConfig` that replace the run's.

    Returns:
        Path of the SavedModel.

    Raises:
        FileNotFoundError: no run at `run_dir`.
        ValueError: training is not finished.
    """
    run = Run(run_dir)
    path = Path(path) if path else run.path / "saved_model"
    made_from = {**run.describe(), **to_dict(dict(changes or {}))}
    if _is_made_from(path, read_segmenter_metadata, made_from):
        return path
    segmenter = segmenter_from_run(run_dir, run.config.training.selection, changes)
    segmenter.metadata["recipe"] = _recipe_metadata(run, made_from)
    return segmenter.export(path, overwrite=True)


def _is_made_from(path, read_metadata, made_from):
    """Whether a SavedModel is there that was made from a run; one with damaged metadata is made again."""
    try:
        return path.exists() and (read_metadata(path).get("recipe") or {}).get("run") == made_from
    except ValueError:
        return False


def _recipe_metadata(run, made_from):
    """What a SavedModel says of the run that made it; whoever scores it compares the tracks."""
    recipe = {"run": made_from, "config": run.config.to_dict()}
    with contextlib.suppress(FileNotFoundError):  # a run without that list
        recipe["tracks"] = run.tracks()
    return recipe


def wiener_changes(config: RunConfig, wiener: bool | None) -> dict[str, Any]:
    """What `wiener` changes in the settings of the run's separator, as a dict."""
    if wiener is None:
        return {}
    if not config.is_spectrogram or config.target != "all":
        raise ValueError(
            "`wiener` is for runs with a spectrogram network per source (target 'all'). Received: "
            f"wiener={wiener!r} for target={config.target!r}. Leave it out."
        )
    return {} if wiener == config.separation.wiener else {"wiener": wiener}


def results_dir(run_dir: str | Path, changes: dict[str, Any]) -> Path:
    """Where SavedModel, estimates and scores go: those of other settings must not replace the run's."""
    return Path(run_dir) / ("wiener_on" if changes["wiener"] else "wiener_off") if changes else Path(run_dir)
