"""Aggregated scores as a text that names metric and aggregation of every number."""

from keras_d3.evaluation.aggregation import ALL_FRAMES, SONGS, TRACK_MEDIAN, format_db
from keras_d3.evaluation.museval_scores import METRICS
from keras_d3.evaluation.stems import ACCOMPANIMENT

SONG_DEFINITIONS = {
    "song_sdr": "song_sdr: 10 log10((sum s^2 + 1e-7) / (sum (s - s_hat)^2 + 1e-7)) over a song, as in the "
    "Music Demixing challenges.",
    "si_sdr": "si_sdr: scale-invariant SDR over a song, mean of the channels.",
}


def format_table(summary, metrics=METRICS):
    """Returns an aggregate as a plain-text table that names metrics and aggregations.

    Args:
        summary: what `aggregate` returned.
        metrics: sequence of str, which of SDR, ISR, SIR, SAR to show.
    """
    lines = _frame_lines(summary, metrics) if summary["all_frames"] else []
    if "song" in summary:
        lines += [""] * bool(lines) + _song_lines(summary)
    return "\n".join(lines)


def _frame_lines(summary, metrics):
    columns = ("track median", "median", "MAD", "mean", "SD", "frames", "dropped")
    rows: list[tuple[str, ...]] = [("target", "dB", *columns)]
    for target, scores in summary["all_frames"].items():
        for metric in metrics:
            pooled = scores[metric]
            values = [summary["track_median"][target][metric]]
            values += [pooled[key] for key in ("median", "mad", "mean", "std")]
            cells = [format_db(value) for value in values]
            rows.append((target, metric, *cells, str(pooled["frames"]), str(pooled["dropped"])))
    frames = "frame" if summary["window_secs"] == 1 else f"{summary['window_secs']:g} s frame"
    targets = summary["all_frames"]
    pair = ["vocals and accompaniment: scored as a pair."] * (ACCOMPANIMENT in targets and len(targets) > 2)
    return [
        *_aligned(rows),
        "",
        f"track median: {TRACK_MEDIAN} ({summary['tracks']} tracks); the other columns: {ALL_FRAMES}.",
        f"dropped: {frames}s without a score, because a reference or an estimate is silent.",
        *pair,
        f"{summary['tool']}.",
    ]


def _song_lines(summary):
    rows: list[tuple[str, ...]] = [("target", "dB over songs", "mean", "median", "songs")]
    for target, scores in summary["song"].items():
        for metric, values in scores.items():
            cells = [format_db(values[key]) for key in ("mean", "median")]
            rows.append((target, metric, *cells, str(values["songs"])))
    for metric, value in summary["song_mean"].items():
        rows.append(("mean of sources", metric, format_db(value), "", ""))
    used = [text for metric, text in SONG_DEFINITIONS.items() if metric in summary["song_mean"]]
    return [*_aligned(rows), "", f"{SONGS} ({summary['tracks']} tracks).", *used]


def _aligned(rows):
    """Lines of a table whose first two columns are text, with a rule below the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return lines
