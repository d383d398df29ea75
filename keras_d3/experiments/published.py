"""Published scores that belong beside those of a model: of its network, on the same data, aggregated alike.

An empty cell is better than a guess: where network, data set, split or settings are others, or unknown,
there is no published score, and a sentence says why.
"""

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from keras_d3.convert import official_wave_u_net_settings
from keras_d3.data import AudioManifest, ImageManifest
from keras_d3.report import AGGREGATIONS
from keras_d3.settings import PublishedMeanIoU, PublishedScores, Recipe, RecipeEntry, to_dict


@dataclasses.dataclass(frozen=True)
class _TestSet:
    """What records of a published test set are like: manifest's name, split, number of songs or images."""

    dataset: str
    split: str
    num_items: int
    sample_rate_hz: int | None = None
    # Excerpts of all songs are another test set.
    least_mins: float = 0


TEST_SETS = {
    "MUSDB18 test": _TestSet("MUSDB18", "test", 50, 44100, 180),
    "DSD100 test": _TestSet("DSD100", "test", 50, 44100, 180),
    "Cityscapes val": _TestSet("Cityscapes", "validation", 500),
    "Cityscapes test": _TestSet("Cityscapes", "test", 1525),
    "PASCAL VOC 2012 val": _TestSet("PASCAL VOC 2012", "validation", 1449),
}
# Configs whose published scores are of the authors' checkpoints, by the authors' name for the network.
OFFICIAL_WAVE_U_NETS = {
    "m4": "baseline_stereo",
    "m6": "full_multi_instrument",
    "m5_high_sr": "full_44KHz",
}
OFFICIAL_WEIGHTS = "official weights"


def find_recipe(name: str | None) -> Recipe | None:
    """Returns the recipe of a name, or None.

    Recipes are plug-ins: `recipes.<name>.config`, where it is installed.
    """
    if not isinstance(name, str) or not name.isidentifier():
        return None
    try:
        return importlib.import_module(f"recipes.{name}.config").RECIPE
    except ImportError:
        return None


def entry_of_model(metadata: Mapping[str, Any]) -> RecipeEntry | None:
    """Returns the recipe's entry that a SavedModel was trained by, or whose authors' weights it has, or None.

    Args:
        metadata: of a SavedModel that `keras-d3 export` or `keras-d3 convert` made.
    """
    made_from = metadata.get("recipe") or {}
    run = made_from.get("run")
    recipe = find_recipe((run or made_from).get("recipe"))
    if recipe is None:
        return None
    if run:
        return next((entry for entry in recipe.entries if entry.config.name == run.get("config")), None)
    return next(
        (
            entry
            for entry in recipe.entries
            if any(item.column == OFFICIAL_WEIGHTS for item in entry.published)
            and _has_official_weights(entry, made_from)
        ),
        None,
    )


def _has_official_weights(entry, made_from):
    """Whether converted weights are of an entry's network, as far as their settings tell."""
    settings = made_from.get("settings")
    if settings is not None:
        name = OFFICIAL_WAVE_U_NETS.get(entry.config.name)
        return name is not None and settings == {**settings, **official_wave_u_net_settings(name)}
    weights = made_from.get("weights") or {}
    if "settings" in weights:
        return weights["settings"].get("preset") == entry.config.preset
    items = [(source, item) for source, item in weights.items() if isinstance(item, dict)]
    presets = {source: item.get("settings", {}).get("preset") for source, item in items}
    return bool(presets) and presets == {
        source: entry.config.preset.format(target=source) for source in entry.config.sources
    }


def is_test_set(data_set: str, manifest: AudioManifest | ImageManifest, split: str, num_items: int) -> bool:
    """Whether `num_items` songs or images of a split of the records are a published test set, all of it."""
    known = TEST_SETS.get(data_set)
    if known is None or (manifest.dataset, split, num_items) != (known.dataset, known.split, known.num_items):
        return False
    if known.sample_rate_hz is None:
        return True
    rate = manifest.sample_rate(split)
    mins = sum(track.num_samples for track in manifest.tracks(split)) / rate / 60
    return rate == known.sample_rate_hz and mins >= known.least_mins


def published_sdr(
    entry: RecipeEntry | None,
    manifest: AudioManifest,
    split: str,
    tracks: Sequence[str],
    metadata: Mapping[str, Any],
    quality: str = "best",
) -> tuple[tuple[PublishedScores, ...], str]:
    """Returns the published scores that a separator's may stand beside, and why there are none.

    Args:
        entry: `RecipeEntry` of the separator, see `entry_of_model`.
        manifest, split, tracks: what was scored.
        metadata: of the separator. Some sources alone are separated without the Wiener filter of all.
        quality: of the separation.

    Returns:
        `(scores, reason)`; the reason is "" where there are scores.
    """
    if entry is None or not entry.published:
        return (), "none is known for this model."
    wiener = getattr(entry.config.separation, "wiener", None)
    if quality != "best" or set(metadata["sources"]) != set(entry.config.sources):
        return (), "they are of all sources at the quality `best`."
    if metadata.get("separation", {}).get("wiener") != wiener:
        return (), f"they are {'with' if wiener else 'without'} the Wiener filter."
    known = [item for item in entry.published if item.aggregation in _OURS]
    if not known:
        return (), "how they were aggregated is not stated."
    same = tuple(item for item in known if is_test_set(item.data_set, manifest, split, len(tracks)))
    return same, "" if same else _other_data(known, manifest, split, len(tracks), "songs")


def published_mean_iou(
    entry: RecipeEntry | None, manifest: ImageManifest, split: str, settings: Mapping[str, Any]
) -> tuple[tuple[PublishedMeanIoU, ...], str]:
    """Returns the published mean IoU that a segmenter's may stand beside, and why there is none.

    Args:
        entry: `RecipeEntry` of the segmenter, see `entry_of_model`.
        manifest, split: what was scored.
        settings: dict, settings of the segmenter: windows, scales, mirror, resizing.

    Returns:
        `(scores, reason)`; the reason is "" where there are scores.
    """
    if entry is None or not entry.published:
        return (), "none is known for this model."
    theirs = to_dict(entry.config.segmentation)
    if any(settings[name] != theirs[name] for name in settings):
        wanted = ", ".join(f"{name} {theirs[name]}" for name in settings if settings[name] != theirs[name])
        return (), f"they are of other settings ({wanted})."
    num_images = len(manifest.images(split))
    same = tuple(item for item in entry.published if is_test_set(item.data_set, manifest, split, num_images))
    return same, "" if same else _other_data(entry.published, manifest, split, num_images, "images")


def sdr_table(summary: Mapping[str, Any], published: Sequence[PublishedScores]) -> str:
    """Returns the SDR of a model beside published ones as text, one block per aggregation.

    Args:
        summary: from `keras_d3.evaluation.aggregate`.
        published: from `published_sdr`.
    """
    lines = []
    for aggregation in dict.fromkeys(item.aggregation for item in published):
        columns = [item for item in published if item.aggregation == aggregation]
        ours = {source: _OURS[aggregation](summary, source) for source in summary["track_median"]}
        rows = [
            (source, [value, *(item.sdr_db.get(source) for item in columns)])
            for source, value in ours.items()
        ]
        if len(rows) > 1:
            cells = [values for _, values in rows]
            rows.append(("mean", [_mean(column) for column in zip(*cells, strict=True)]))
        width = max(len(name) for name, _ in rows)
        titles = ("this model", *(item.column for item in columns))
        lines.append(f"SDR in dB, {AGGREGATIONS[aggregation]}")
        lines.append(f"{'':{width}}" + "".join(f"{title:>18}" for title in titles))
        lines += [
            f"{name:{width}}" + "".join(f"{_db(value):>18}" for value in values) for name, values in rows
        ]
        lines += [f"{item.column}: {item.data_set}; {item.reference}" for item in columns]
    return "\n".join(lines)


# The aggregation of a published score, in a summary of `aggregate`.
_OURS = {
    "track_median": lambda summary, source: summary["track_median"][source]["SDR"],
    "all_frames_median": lambda summary, source: summary["all_frames"][source]["SDR"]["median"],
    "all_frames_mean": lambda summary, source: summary["all_frames"][source]["SDR"]["mean"],
}


def _other_data(published, manifest, split, num_items, unit):
    theirs = ", ".join(
        f"{name} ({TEST_SETS[name].num_items} {unit})" if name in TEST_SETS else name
        for name in dict.fromkeys(item.data_set for item in published)
    )
    return f"they are on {theirs}, these on {manifest.dataset} {split} ({num_items} {unit})."


def _mean(values):
    numbers = [float(value) for value in values if value is not None]
    return sum(numbers) / len(numbers) if len(numbers) == len(values) else None


def _db(value):
    return "" if value is None else f"{float(value):.2f}"
