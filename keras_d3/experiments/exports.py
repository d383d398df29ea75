"""Exports of trained runs: separators and segmenters as SavedModels, networks for other runtimes.

RUN/saved_model/                          the separator or segmenter
RUN/wiener_on/, RUN/wiener_off/           likewise where the filter is not as in the run's config
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.export import has_networks
from keras_d3.runs import PIXELS, Run, read_run_scores
from keras_d3.segmentation import read_segmenter_metadata, segmenter_from_run
from keras_d3.separation import read_separator_metadata, separator_from_run
from keras_d3.settings import RunConfig, to_dict
from keras_d3.utils import read_json, sweep_leftovers


def export_run(
    run_dir: str | Path,
    path: str | Path | None = None,
    openvino: bool = False,
    wiener: bool | None = None,
    segment_samples: int | None = None,
    overwrite: bool = False,
    onnx: bool = False,
) -> Path:
    """Exports the separator of a finished run as a SavedModel, unless it is there already.

    Args:
        run_dir: path, run directory of `train_targets`.
        path: directory of the SavedModel; by default `run_dir/saved_model` (see above for another `wiener`).
        openvino: bool, whether it has to carry its networks for OpenVINO, too.
        wiener: bool, whether a separator of spectrogram networks filters; None as the run's config says.
        segment_samples: int, samples per window of a waveform network's outputs, if not those of its
            training; see `keras_d3.separation.rebuild_network`.
        overwrite: bool, whether the export of another model at `path` may be replaced. At the default path is
            the run's own, which always is when the run has changed.
        onnx: bool, whether it has to carry its networks for ONNX Runtime, too.

    Returns:
        Path of the SavedModel.

    Raises:
        FileExistsError: another model, or something else, is at `path`.
        FileNotFoundError: no run at `run_dir`.
        ValueError: training is not finished.
    """
    run = Run(run_dir)
    changes = wiener_changes(run.config, wiener)
    path = Path(path) if path else results_dir(run_dir, changes) / "saved_model"
    made_from = {**run.describe(), **changes}
    if segment_samples is not None:
        made_from["segment_samples"] = segment_samples
    sweep_leftovers(path.parent)
    is_there = _is_made_from(path, read_separator_metadata, made_from)
    lacks = (openvino and not has_networks(path, "openvino")) or (onnx and not has_networks(path, "onnx"))
    if is_there and not lacks:
        return path
    _check_replaceable(path, run, overwrite)
    separator = separator_from_run(
        run_dir,
        checkpoint=run.config.training.selection,
        separation=changes,
        segment_samples=segment_samples,
    )
    separator.metadata["recipe"] = _recipe_metadata(run, made_from)
    separator.metadata["scores"] = [] if changes or segment_samples else _own_scores(run)
    separator.export(path, overwrite=True, openvino=openvino, onnx=onnx)
    return path


def export_run_networks(
    run_dir: str | Path, file_format: str, path: str | Path | None = None, overwrite: bool = False
) -> Path:
    """Exports the networks of a finished run alone; see `Separator.export_networks`.

    Args:
        run_dir: run directory of `train_targets`.
        file_format: `"openvino"` or `"onnx"`.
        path: directory; by default `run_dir/<file_format>`. The run's former exports there are replaced.
        overwrite: bool, whether those of another model at `path` are, too.

    Returns:
        Path of the directory.

    Raises:
        FileNotFoundError: no run at `run_dir`.
        FileExistsError: `path` is no directory of exported networks, or one of another model.
        ValueError: training is not finished.
        ModuleNotFoundError: a package of the extra `export` is not installed.
    """
    run = Run(run_dir)
    made_from = run.describe()
    separator = separator_from_run(run_dir, checkpoint=run.config.training.selection)
    separator.metadata["recipe"] = _recipe_metadata(run, made_from)
    separator.metadata["scores"] = _own_scores(run)
    path = Path(path) if path else run.path / file_format
    _check_replaceable(path, run, overwrite)
    return separator.export_networks(path, file_format, overwrite=True)


def export_segmentation_run(
    run_dir: str | Path,
    path: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Exports the segmenter of a finished run as a SavedModel, unless it is there already.

    Args:
        run_dir: run directory of a segmentation recipe.
        path: where to; by default `run_dir/saved_model`.
        changes: dict of settings of `SegmenterConfig` that replace the run's.
        overwrite: bool, whether the export of another model at `path` may be replaced.

    Returns:
        Path of the SavedModel.

    Raises:
        FileExistsError: another model, or something else, is at `path`.
        FileNotFoundError: no run at `run_dir`.
        ValueError: training is not finished.
    """
    run = Run(run_dir)
    path = Path(path) if path else run.path / "saved_model"
    made_from = {**run.describe(), **to_dict(dict(changes or {}))}
    sweep_leftovers(path.parent)
    if _is_made_from(path, read_segmenter_metadata, made_from):
        return path
    _check_replaceable(path, run, overwrite)
    segmenter = segmenter_from_run(run_dir, run.config.training.selection, changes)
    segmenter.metadata["recipe"] = _recipe_metadata(run, made_from)
    segmenter.metadata["scores"] = [] if changes else _own_scores(run)
    return segmenter.export(path, overwrite=True)


def _recipe_at(path):
    """What an export says of the run that made it; {} if nothing is there, or nothing that says so."""
    for file in (path / "assets.extra" / "metadata.json", path / "metadata.json"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            metadata = read_json(file)
            recipe = metadata.get("recipe") if isinstance(metadata, dict) else None
            return recipe if isinstance(recipe, dict) else {}
    return {}


def _made_from(path):
    return _recipe_at(path).get("run")


def _check_replaceable(path, run, overwrite):
    """Refuses to replace what is not an earlier export of this run, nor in its directory."""
    if overwrite or not path.exists() or path.resolve().is_relative_to(run.path.resolve()):
        return
    there = _recipe_at(path)
    config = json.loads(json.dumps(run.config.to_dict()))
    if there.get("config") != config:
        names = there.get("run") if isinstance(there.get("run"), dict) else {}
        model = "/".join(str(names[key]) for key in ("recipe", "config") if key in names)
        raise FileExistsError(
            f"`{path}` holds another model{f' ({model})' if model else ''} than the run `{run.path}`, so "
            "it is not replaced. Choose another path, or say that it may be: --overwrite, overwrite=True."
        )


def _is_made_from(path, read_metadata, made_from):
    """Whether a SavedModel is there that was made from a run; one with damaged metadata is made again."""
    try:
        return (read_metadata(path).get("recipe") or {}).get("run") == made_from
    except (FileNotFoundError, ValueError):
        return False


def _recipe_metadata(run, made_from):
    """What a SavedModel says of the run that made it; whoever scores it compares the tracks."""
    recipe = {"run": made_from, "config": run.config.to_dict()}
    with contextlib.suppress(FileNotFoundError):  # a run without that list
        recipe["tracks"] = run.tracks()
    return recipe


def _own_scores(run):
    """The scores that a run was given before, for the model card: those of its own settings."""
    found = []
    for split in ("test", "validation"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            found += [scores for scores in read_run_scores(run.path, split) if not scores.settings]
    return [
        {
            "metric": f"{_in_words(aggregation)}, {scores.num_items} of {scores.data_set} {scores.split}",
            "scores": values,
            "scores_source": "the run's own evaluation by keras-d3",
        }
        for scores in found
        for aggregation, values in scores.values.items()
    ]


def _in_words(aggregation):
    return "IoU in %" if aggregation == PIXELS else f"SDR in dB, {aggregation}"


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
