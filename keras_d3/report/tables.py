"""The report's tables without markup, from which both HTML and Markdown are written."""

import math

from keras_d3.evaluation import METRICS, format_db
from keras_d3.report.data import AGGREGATIONS
from keras_d3.report.html_parts import DO_NOTHING
from keras_d3.report.seed_table import seed_table
from keras_d3.report.table import Cell, Table

COMPUTED = ("track_median", "all_frames_median", "all_frames_mean")


def architecture_table(data):
    """Returns the `Table` of size, cost and speed of every architecture."""
    rows = []
    for model in data.models:
        epochs = "" if model.train_epochs is None else _count(model.train_epochs, "epoch")
        steps = "" if model.train_steps is None else f"{model.train_steps:,}"
        speed = model.speed_times_real_time
        rows.append(
            (
                Cell(model.name, detail=model.preset if model.preset != model.name else ""),
                Cell(model.paper),
                Cell("" if model.parameters is None else f"{model.parameters:,}"),
                Cell(model.receptive_field),
                Cell(format_secs(model.train_secs)),
                Cell(steps, detail=epochs) if steps else Cell(epochs),
                Cell("" if speed is None else f"{speed:.3g}×"),
            )
        )
    columns = ("Architecture", "Paper", "Parameters", "Receptive field", "Training", "Steps", "Speed")
    caption = "Architectures. Speed: seconds of audio separated per second, as times real time."
    return Table(caption, columns, tuple(rows), text_columns=(0, 1, 3))


def sdr_table(data, aggregation):
    """Returns the `Table` of SDR of this run per source, the do-nothing estimate first."""
    rows = _named_scores(data)
    values = [[score_of(scores, source, aggregation) for source in data.sources] for _, scores in rows]
    baselines = [data.baseline_of(scores) for _, scores in rows]
    gains = [
        [
            None if scores is baseline else _difference(value, score_of(baseline, source, aggregation))
            for source, value in zip(data.sources, row, strict=True)
        ]
        for (_, scores), baseline, row in zip(rows, baselines, values, strict=True)
    ]
    counted = [place for place, source in enumerate(data.sources) if source in data.mean_sources]
    for row in (*values, *gains):
        row.append(_mean([row[place] for place in counted]))
    best = []
    for column in zip(*values, strict=True):
        numbers = [float(value) for value in column if value is not None]
        best.append(max(numbers) if len(numbers) > 1 else None)
    largest = max([0.0, *(gain for row in gains for gain in row if gain is not None)])
    cells = [
        (Cell(name), *(_sdr_cell(*it, largest) for it in zip(row, gain, best, strict=True)))
        for (name, _), row, gain in zip(rows, values, gains, strict=True)
    ]
    columns = ("Architecture", *data.sources, "Mean")
    caption = f"SDR in dB, {AGGREGATIONS[aggregation]}. Small figures: gain over the do-nothing estimate"
    caption += " of the same sources."
    return Table(caption, columns, tuple(cells))


def published_table(data):
    """Returns the `Table` of paper, official weights and this run in separate columns, per source."""
    letters, rows = {}, []
    run_data_set = data.data_set or "data set of this run"

    def mark(aggregation, data_set):
        return letters.setdefault((aggregation, data_set), _letter(len(letters)))

    for model in data.models:
        row = [Cell(model.name)]
        for source in data.sources:
            published = [scores.get(source) for scores in (model.paper_scores, model.official_scores)]
            for score in published:
                row.append(
                    Cell(format_db(score.value_db), mark=mark(score.aggregation, score.data_set))
                    if score
                    else Cell()
                )
            # This run is aggregated as the published number beside it, so that only the data differ.
            known = [score.aggregation for score in published if score and score.aggregation in COMPUTED]
            aggregation = known[0] if known else "track_median"
            value = score_of(model.scores, source, aggregation)
            text = format_db(value)
            row.append(Cell(text, mark=mark(aggregation, run_data_set) if text else ""))
        rows.append(tuple(row))
    notes = tuple(
        (letter, f"{AGGREGATIONS[aggregation]}; {data_set}")
        for (aggregation, data_set), letter in letters.items()
    )
    return Table(
        "SDR in dB as published and of this run. Only columns with the same data set can be compared.",
        ("Architecture", *("Paper", "Official weights", "This run") * len(data.sources)),
        tuple(rows),
        groups=(("", 1), *((source, 3) for source in data.sources)),
        notes=notes,
    )


def seeds_of_separators(data):
    """Returns the `Table` of networks that were trained with several seeds, or None."""
    return seed_table(
        f"SDR in dB, {AGGREGATIONS['track_median']}.",
        tuple(data.sources),
        data.models,
        lambda model, source: score_of(model.scores, source, "track_median"),
        decimals=2,
    )


def metrics_table(data):
    """Returns the `Table` of all four metrics and the spread of the SDR of this run."""
    rows = []
    for name, scores in _named_scores(data):
        for source in [source for source in data.sources if scores and source in scores["all_frames"]]:
            pooled = scores["all_frames"][source]
            row = [Cell(name), Cell(source)]
            row += [Cell(format_db(scores["track_median"][source][metric])) for metric in METRICS]
            row += [Cell(format_db(pooled[metric]["median"])) for metric in METRICS]
            row += [Cell(format_db(pooled["SDR"][key])) for key in ("mad", "mean", "std")]
            row += [Cell(str(pooled["SDR"][key])) for key in ("frames", "dropped")]
            rows.append(tuple(row))
    spread = ("SDR MAD", "SDR mean", "SDR SD", "Frames", "Dropped")
    return Table(
        "All BSS Eval v4 metrics of this run in dB. Dropped: frames without a score, because a "
        "reference or an estimate is silent in them.",
        ("Architecture", "Source", *METRICS, *METRICS, *spread),
        tuple(rows),
        groups=(("", 2), ("Median of tracks' medians", 4), ("All frames: medians", 4), ("All frames", 5)),
        text_columns=(0, 1),
    )


def run_table(data):
    """Returns the `Table` of the runs: preset, config and seed of every architecture."""
    rows = [
        (
            Cell(model.name),
            Cell(model.preset),
            Cell(model.config),
            Cell("" if model.seed is None else str(model.seed)),
            Cell(model.notes),
        )
        for model in data.models
    ]
    columns = ("Architecture", "Preset", "Config", "Seed", "Notes")
    return Table("Runs", columns, tuple(rows), text_columns=(0, 1, 2, 3, 4))


def facts(data):
    """Returns the provenance of the report as (label, text) pairs; empty ones are left out."""
    scores = next((model.scores for model in data.models if model.scores), None)
    tracks = frames = ""
    if scores:
        tracks = f"{scores['tool']}; {_count(scores['tracks'], 'test track')}"
        frames = (
            f"{scores['window_secs']:g} s without overlap; a frame in which any reference or estimate is "
            "silent has no score, is left out of every aggregate, and is counted as dropped"
        )
    pairs = (
        ("Data set", data.data_set),
        ("Attribution", data.attribution),
        ("Scores", tracks),
        ("Frames", frames),
        ("Aggregations", "; ".join(AGGREGATIONS[key] for key in COMPUTED) if scores else ""),
        ("Seed", "" if data.seed is None else str(data.seed)),
        ("Commit", data.commit),
        ("Machine", data.machine),
        ("Date", data.date),
        ("Command", data.command),
    )
    return tuple((label, text) for label, text in pairs if text)


def score_of(scores, source, aggregation, metric="SDR"):
    """Returns one number of an aggregate by the report's name of the aggregation, or None."""
    if not scores or source not in scores["all_frames"]:
        return None
    if aggregation == "track_median":
        return scores["track_median"][source][metric]
    return scores["all_frames"][source][metric][aggregation.removeprefix("all_frames_")]


def format_secs(secs):
    """Returns a duration in words: "48 s", "3 min 20 s", "2 h 5 min", or "" for None."""
    if secs is None:
        return ""
    if secs < 10:
        return f"{secs:.1f} s"
    secs = round(secs)
    if secs < 60:
        return f"{secs} s"
    if secs < 3600:
        return f"{secs // 60} min {secs % 60} s"
    return f"{secs // 3600} h {secs % 3600 // 60} min"


def _named_scores(data):
    """(name, scores) of the do-nothing estimates and the models, in the order of the rows."""
    baselines = [
        (f"{DO_NOTHING} (mixture / {len(scores['all_frames'])})", scores) for scores in data.baselines
    ]
    return baselines + [(model.name, model.scores) for model in data.models]


def _mean(values):
    numbers = [float(value) for value in values if value is not None]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(values) else None


def _difference(value, baseline):
    known = value is not None and baseline is not None and math.isfinite(float(baseline))
    return float(value) - float(baseline) if known else None


def _sdr_cell(value, gain, best, largest):
    if value is None:
        return Cell()
    share = None
    if gain is not None and 0 < largest < math.inf:
        share = min(max(gain / largest, 0.0), 1.0)
    detail = "" if gain is None else format_db(gain, signed=True)
    return Cell(format_db(value), detail, best=best is not None and float(value) == best, share=share)


def _count(number, word):
    return f"{number:,} {word}{'s' * (number != 1)}"


def _letter(index):
    return chr(ord("a") + index) if index < 26 else f"{chr(ord('a') + index % 26)}{index // 26}"
