"""Scores of any separator: a SavedModel on a split of records, beside what was published for it.

OUT/estimates/<split>/<track>/<source>.wav    estimates (32-bit float)
OUT/estimates/separation.json                 which SavedModel made them of which records, and how fast
OUT/references/<split>/<track>/<source>.wav   the tracks as the records hold them
OUT/references/records.json                   checksums of these records
OUT/scores/<split>/<track>.json               museval's four figures per frame
OUT/scores/<split>.json                       both aggregations, the model, the data, the published scores
"""

import dataclasses
from pathlib import Path

from keras_d3.data import check_kind, load_manifest
from keras_d3.evaluation import aggregate, score_directory
from keras_d3.experiments.leakage import untrained_songs
from keras_d3.experiments.model_origin import model_origin, records_sha256, trained_names
from keras_d3.experiments.published import entry_of_model, published_sdr, sdr_table
from keras_d3.experiments.separation_scores import SPLIT, separate_tracks
from keras_d3.separation import read_separator_metadata, resolve_runtime
from keras_d3.settings import ACCOMPANIMENT
from keras_d3.utils import current_commit, read_json, write_json


def score_separator(
    saved_model,
    data_dir,
    out_dir,
    split=SPLIT,
    quality="best",
    runtime="tensorflow",
    precision="f32",
    skip_trained_songs=False,
    **options,
):
    """Separates a split of records with a SavedModel, and scores it.

    Whatever made the SavedModel: a run's export, or weights that authors published. Tracks that are
    separated and scored already are kept, if SavedModel, records and settings are the same.

    Args:
        saved_model: path of a separator's SavedModel.
        data_dir: directory of records.
        out_dir: directory of estimates, references and scores.
        split: str, "train", "validation" or "test".
        quality, runtime, precision: of the separation, see `separate_tracks`.
        skip_trained_songs: bool, whether to leave out songs that the model was trained or validated on, as
            far as its metadata name them, instead of refusing.
        **options: of `keras_d3.evaluation.score_directory`: `num_workers`, `backend`, ...

    Returns:
        `(scores by track, summary, notes)`: the summary is the content of `scores/<split>.json`; notes are
        lines of text for the user, the table of published scores among them.

    Raises:
        FileNotFoundError: no SavedModel or no records.
        ValueError: the separator does not fit the records, songs were trained on, or `out_dir` has the
            references of other records.

    Example:

    >>> scores, summary, notes = score_separator("d3net_official", "records/musdb18", "d3net_scores")
    """
    metadata, manifest, out_dir = read_separator_metadata(saved_model), load_manifest(data_dir), Path(out_dir)
    check_separator(metadata, manifest, split)
    all_names = [track.name for track in manifest.tracks(split)]
    trained = trained_names(metadata, "train", "validation")
    names = untrained_songs(trained or (), all_names, skip_trained_songs, saved_model)
    published, reason = published_sdr(entry_of_model(metadata), manifest, split, names, metadata, quality)
    _claim_references(out_dir / "references" / "records.json", manifest, split)
    # The scores name what computed the networks, not that it was left open.
    runtime = resolve_runtime(saved_model, metadata, runtime, precision)
    settings = {"quality": quality, "runtime": runtime, "precision": precision}
    times_real_time = separate_tracks(
        saved_model, data_dir, out_dir / "estimates", out_dir / "references", names, split, **settings
    )
    scores = score_directory(
        out_dir / "references" / split,
        out_dir / "estimates" / split,
        out_dir / "scores" / split,
        sources=metadata["sources"],
        tracks=names,
        **options,
    )
    summary = {
        **aggregate(scores),
        "data_set": manifest.dataset,
        "variant": manifest.variant,
        "split": split,
        "records_sha256": records_sha256(manifest, split),
        "skipped_trained_songs": [name for name in all_names if name not in names],
        "trained_songs_known": trained is not None,
        "model": model_origin(saved_model, metadata),
        "settings": {**settings, **metadata.get("separation", {})},
        **{name: options[name] for name in ("accompaniment", "stems", "metrics") if name in options},
        "times_real_time": times_real_time,
        "published": [dataclasses.asdict(item) for item in published],
        "commit": current_commit(),
    }
    write_json(out_dir / "scores" / f"{split}.json", summary)
    notes = _notes(summary, published, reason)
    if ACCOMPANIMENT not in metadata["sources"] and set(metadata["sources"]) < set(manifest.sources):
        notes.insert(0, "Scored among these sources alone: SIR and SAR would be others among all of them.")
    return scores, summary, notes


def check_separator(metadata, manifest, split):
    """Refuses records that a separator cannot be scored on.

    Args:
        metadata: of the separator's SavedModel.
        manifest: `AudioManifest` of the records.
        split: str.

    Raises:
        ValueError: records of another kind, without the split or the sources, of a lower rate than the
            networks', or mono for stereo networks.
    """
    check_kind(manifest, "audio")
    rate = manifest.sample_rate(split)
    known, sources = set(manifest.sources), metadata["sources"]
    others = [name for name in sources if name not in known]
    if others == [ACCOMPANIMENT] and known - set(sources):
        others = []  # the sum of the rest
    if others:
        raise ValueError(
            f"`model` must separate sources of the records, {', '.join(manifest.sources)} in "
            f"`{manifest.directory}`. Received: a model of {', '.join(sources)}."
        )
    if rate < metadata["sample_rate_hz"]:
        raise ValueError(
            f"`data` must have at least the sample rate of the model, {metadata['sample_rate_hz']} Hz. "
            f"Received: {rate} Hz in `{manifest.directory}` ({split}). Write the records again with "
            f"`--test-sample-rate {metadata['sample_rate_hz']}`."
        )
    if manifest.channels < metadata["channels"]:
        raise ValueError(
            f"`data` must have the channels of the model, {metadata['channels']}. Received: "
            f"{manifest.channels} in `{manifest.directory}`. Write the records again with "
            f"`--channels {metadata['channels']}`."
        )


def _claim_references(path, manifest, split):
    saved = read_json(path, "list of records") if path.is_file() else {}
    if not isinstance(saved, dict) or not all(isinstance(value, str) for value in saved.values()):
        raise ValueError(
            f"The list of records `{path}` is damaged. Remove `{path.parents[1]}`, or choose another."
        )
    checksum = records_sha256(manifest, split)
    if saved.get(split, checksum) != checksum:
        raise ValueError(
            f"`out` must be a directory of scores on the same records. Received: `{path.parents[1]}`, where "
            f"the references are of others than `{manifest.directory}`. Choose another directory."
        )
    if split not in saved:
        write_json(path, {**saved, split: checksum})


def _notes(summary, published, reason):
    notes = [sdr_table(summary, published) if published else f"No published scores beside these: {reason}"]
    if summary["skipped_trained_songs"]:
        notes.append(f"Left out, because they were trained on: {', '.join(summary['skipped_trained_songs'])}")
    if not summary["trained_songs_known"]:
        notes.append(
            "The model does not say what it was trained on, so that was not compared with these songs."
        )
    data = f"{summary['data_set']} ({summary['variant']}) {summary['split']}, {summary['tracks']} songs"
    notes.append(f"Scored: {data}")
    notes.append(f"Separation: {summary['times_real_time']:.1f} times real time")
    return notes
