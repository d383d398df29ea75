"""From scores per frame to one number per source, in both of the field's ways."""

import numpy as np

from keras_d3.evaluation.museval_scores import METRICS, json_number
from keras_d3.evaluation.stems import ACCOMPANIMENT

TRACK_MEDIAN = "median over tracks of the median over frames"
ALL_FRAMES = "all frames of all tracks pooled"
SONGS = "mean and median over songs of one score per song"


def aggregate(track_scores):
    """Aggregates the scores of several tracks in both ways that papers use.

    - "track_median": the median over a track's frames, then the median over tracks. This is
      museval's and SiSEC's convention (D3Net's table).
    - "all_frames": the frames of all tracks in one pool; median, mean, MAD (median of the absolute
      deviations from the median, not scaled) and standard deviation (divided by N).
      This is Wave-U-Net's convention.

    On the same audio they differ by up to 0.5 dB, and medians from means by several dB, so
    each number must be named.

    The NaN rule: a frame without a score (NaN: some reference or estimate is silent in it) is
    left out of its track, and counted as dropped; a track without any scored frame is left out of the
    median over tracks, and counted. Infinite ratios stay; they give "inf" or "-inf".

    Args:
        track_scores: what `score_track` returned, as an iterable of dicts or a dict of them.

    Returns:
        JSON-ready dict:

        - "track_median": target -> metric -> dB.
        - "all_frames": target -> metric -> dict with "median", "mean", "mad", "std", "frames"
          (scored) and "dropped".
        - "tracks": number of tracks; "tracks_scored": target -> tracks with a scored frame.
        - "song", if scores of whole songs were asked for: target -> metric -> dict with "mean", "median"
          and "songs" (scored); a song without a score (a silent reference) is left out. "song_mean":
          metric -> mean over the sources of their means, as the Music Demixing challenges rank by. An
          accompaniment beside the sources it is the sum of has no part in it.
        - "aggregations": the rules in words; "tool", "window_secs".

        None where there is nothing to aggregate.

    Raises:
        ValueError: no tracks, or tracks that differ in targets, tool, window or hop.

    Example:
        >>> frames = {metric: [1.0, 3.0, None] for metric in ("SDR", "ISR", "SIR", "SAR")}
        >>> track = {"track": "a", "targets": {"vocals": frames}, "tool": "museval 0.4.1",
        ...          "sample_rate_hz": 8000, "window_samples": 8000, "hop_samples": 8000}
        >>> summary = aggregate([track])
        >>> summary["track_median"]["vocals"]["SDR"], summary["all_frames"]["vocals"]["SDR"]["dropped"]
        (2.0, 1)
    """
    tracks = list(track_scores.values() if isinstance(track_scores, dict) else track_scores)
    if not tracks:
        raise ValueError("`track_scores` must hold at least one track. Received: none. Score tracks first.")
    tool, window_secs, _ = facts = _facts(tracks[0])
    targets = list(tracks[0]["targets"])
    for track in tracks[1:]:
        same = set(track["targets"]) == set(targets) and _song(track) == _song(tracks[0])
        if not same or _facts(track) != facts:
            raise ValueError(
                "All tracks must be scored on the same targets with the same tool, window and hop, and by "
                "the same metrics of whole songs. "
                f"Received: {tracks[0]['track']!r} with {sorted(targets)} and {facts}, "
                f"{track['track']!r} with {sorted(track['targets'])} and {_facts(track)}. "
                "Score them again with one setting."
            )
    summary = {
        "track_median": {target: {} for target in targets},
        "all_frames": {target: {} for target in targets},
        "tracks": len(tracks),
        "tracks_scored": {},
        "aggregations": {"track_median": TRACK_MEDIAN, "all_frames": ALL_FRAMES},
        "tool": tool,
        "window_secs": window_secs,
    }
    for target in targets:
        for metric in METRICS:
            frames = [_numbers(track["targets"][target][metric]) for track in tracks]
            scored = [values[~np.isnan(values)] for values in frames]
            medians = [np.median(values) for values in scored if len(values)]
            pool = np.concatenate(scored)
            dropped = sum(map(len, frames)) - len(pool)
            summary["track_median"][target][metric] = _statistic(np.median, medians)
            summary["all_frames"][target][metric] = {
                "median": _statistic(np.median, pool),
                "mean": _statistic(np.mean, pool),
                "mad": _statistic(_mad, pool),
                "std": _statistic(np.std, pool),
                "frames": len(pool),
                "dropped": dropped,
            }
            summary["tracks_scored"][target] = len(medians)
    if _song(tracks[0]):
        summary["song"] = _song_summary(tracks)
        summary["song_mean"] = _song_mean(summary["song"])
        summary["aggregations"]["song"] = SONGS
    return summary


def format_db(value, signed=False):
    """Returns a score with two decimals, an infinite one as a sign, and "" for None."""
    if value is None:
        return ""
    value = float(value)
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:+.2f}" if signed else f"{value:.2f}"


def _facts(track):
    rate = track["sample_rate_hz"]
    return track["tool"], track["window_samples"] / rate, track["hop_samples"] / rate


def _numbers(values):
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def _song(track):
    """Targets and metrics that a track has scores of the whole song of."""
    return {target: set(scores) for target, scores in track.get("song", {}).items()}


def _song_summary(tracks):
    summary = {}
    for target, metrics in tracks[0]["song"].items():
        summary[target] = {}
        for metric in metrics:
            values = _numbers([track["song"][target][metric] for track in tracks])
            values = values[~np.isnan(values)]
            summary[target][metric] = {
                "mean": _statistic(np.mean, values),
                "median": _statistic(np.median, values),
                "songs": len(values),
            }
    return summary


def _song_mean(song):
    sources = [target for target in song if len(song) <= 2 or target != ACCOMPANIMENT]
    means = {}
    for metric in song[sources[0]]:
        values = [song[source][metric]["mean"] for source in sources]
        means[metric] = None if None in values else _statistic(np.mean, np.array(values, np.float64))
    return means


def _mad(values):
    return np.median(np.abs(values - np.median(values)))


def _statistic(function, values):
    if len(values) == 0:
        return None
    with np.errstate(invalid="ignore"):
        return json_number(function(values))
