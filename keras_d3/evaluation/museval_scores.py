"""The scores of one track as a JSON-ready dict: BSS Eval v4 frame by frame, and those of the whole song."""

import importlib.metadata
import math

import numpy as np

from keras_d3.evaluation.scoring import Scoring
from keras_d3.evaluation.signals import (
    frame_length,
    frame_slices,
    silent_reasons,
    silent_sources,
    stack_signals,
)
from keras_d3.evaluation.song_scores import FUNCTIONS
from keras_d3.evaluation.stems import ACCOMPANIMENT, as_two_stems

METRICS = ("SDR", "ISR", "SIR", "SAR")
SCHEMA_VERSION = 1


def score_track(
    references,
    estimates,
    sample_rate,
    name,
    window_secs=1.0,
    hop_secs=None,
    accompaniment=False,
    backend="museval",
    metrics=("museval",),
    stems="all",
):
    """Scores one track: SDR, ISR, SIR and SAR of BSS Eval v4 per frame, and scores of the whole song.

    Stöter, Liutkus and Ito, "The 2018 Signal Separation Evaluation Campaign", 2018,
    https://arxiv.org/abs/1804.06267. The call is museval's own `evaluate(mode="v4")`.
    Two rules go beyond museval, which raises or stays silent there:

    - A source whose reference is silent throughout has NaN in all frames, and the others are scored as if it
      were not there. An estimate that is silent throughout leaves the track without scores.
    - Every dropped frame is listed with its reason.

    Args:
        references: dict source name -> array (time, channels), all sources of the mixture.
        estimates: dict with the same sources and shapes; other sources with `stems="two"`.
        sample_rate: int, any rate in Hz.
        name: str, the track's name, kept in the result.
        window_secs: float, frame length in seconds.
        hop_secs: float, distance of frames in seconds; the window's length if None.
        accompaniment: bool; if True, also score "accompaniment", the sum of all sources but "vocals", of the
            references and of the estimates (D3Net's Table 4). Vocals and accompaniment are then scored as a
            pair of two sources, as museval's `eval_mus_track` does where an estimate of the accompaniment is
            given. The pair changes the vocals' SIR and SAR, which depend on what else there is; SDR
            and ISR change by the dropped frames alone: a frame counts for the pair unless vocals or
            accompaniment are silent, and for all sources unless any of them is.
        backend: "museval" calls museval. "shared" computes the same numbers, to 1e-6 dB, by
            `fast_bss_eval_v4`, and where rounding decides them, by `bss_eval_v4`.
        metrics: sequence of "museval" (the four of BSS Eval), "song_sdr" and "si_sdr" (see the functions of
            these names).
        stems: "all" scores the sources as they are named. "two" scores vocals and accompaniment alone:
            of the references and of the estimates, the accompaniment is the source of that name if it is
            there, or else the sum of all but the vocals. So networks of four stems and of two are compared.

    Returns:
        JSON-ready dict: "track", "targets" (target -> metric -> list of frames, None for NaN
        and "inf" or "-inf" for infinite ratios, so that `float()` reads all others),
        "song" (target -> metric over the whole song -> number, if any was asked for),
        "scenarios" (which sources were scored together, and "dropped_frames" with reasons),
        metrics, stems, window, hop, sample rate, length, unscored samples at the end, tool and versions.

    Raises:
        ValueError: sources, shapes, window, metrics, stems or backend are wrong (see `sdr`), or there is no
            "vocals" to take the accompaniment of.
        RuntimeError: museval cannot be imported, for example for want of ffmpeg.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> songs = {name: rng.standard_normal((16000, 2)) for name in ("vocals", "drums")}
        >>> halves = {name: audio / 2 for name, audio in songs.items()}
        >>> scores = score_track(songs, halves, 8000, "noise")
        >>> [round(value, 2) for value in scores["targets"]["drums"]["SDR"]]
        [6.02, 6.02]
    """
    options = {
        "hop_secs": hop_secs,
        "accompaniment": accompaniment,
        "backend": backend,
        "metrics": metrics,
        "stems": stems,
    }
    return score_estimates(references, {"": estimates}, sample_rate, name, window_secs, **options)[""]


def score_estimates(references, estimate_sets, sample_rate, name, window_secs=1.0, **options):
    """Scores several separators' estimates of the same track; "shared" makes the others cheap.

    Args:
        estimate_sets: dict from a label (a separator) to its dict of estimates.
        references, sample_rate, name, window_secs, **options: see `score_track`.

    Returns:
        Dict label -> what `score_track` returns.
    """
    scoring = Scoring(window_secs=window_secs, **options)
    window = frame_length(sample_rate, window_secs)
    hop = window if scoring.hop_secs is None else frame_length(sample_rate, scoring.hop_secs, "hop_secs")
    if not estimate_sets:
        return {}
    if scoring.stems == "two":
        references = as_two_stems(references, "references")
        estimate_sets = {
            label: as_two_stems(estimates, "estimates") for label, estimates in estimate_sets.items()
        }
    stacked = {}
    for label, estimates in estimate_sets.items():
        names, reference_array, stacked[label] = stack_signals(references, estimates)
    scenarios = scoring.scenarios(names)
    facts = _facts_of(name, scoring, sample_rate, window, hop, reference_array.shape)
    results = {label: {**facts, "targets": {}, "scenarios": []} for label in stacked}
    if "museval" in scoring.metrics:
        for sources, targets in scenarios:
            arrays = {label: _pick(array, names, sources) for label, array in stacked.items()}
            _add_audible(results, _pick(reference_array, names, sources), arrays, sources, targets)
    if scoring.song_metrics:
        for label, array in stacked.items():
            results[label]["song"] = _song_scores(scoring, scenarios, names, reference_array, array)
    return results


def _facts_of(name, scoring, sample_rate, window, hop, shape):
    _, num_samples, channels = shape
    slices = frame_slices(num_samples, window, hop)
    return {
        "schema_version": SCHEMA_VERSION,
        "track": name,
        "tool": _tool(scoring),
        "versions": versions(),
        "metrics": list(scoring.metrics),
        "stems": scoring.stems,
        "sample_rate_hz": int(sample_rate),
        "window_samples": window,
        "hop_samples": hop,
        "num_samples": num_samples,
        "channels": channels,
        "num_frames": len(slices),
        "unscored_samples": num_samples - slices[-1].stop,
        "backend": scoring.backend,
    }


def _add_audible(results, references, estimate_sets, sources, targets):
    """Adds the frames of one scenario, without sources whose references are silent throughout."""
    silent = silent_sources(references)
    if not silent.any() or silent.all():
        _add_frames(results, references, estimate_sets, sources, targets)
        return
    left = tuple(name for name, is_silent in zip(sources, silent, strict=True) if not is_silent)
    audible = {label: estimates[~silent] for label, estimates in estimate_sets.items()}
    _add_frames(results, references[~silent], audible, left, [name for name in targets if name in left])
    for result in results.values():
        gone = [name for name in sources if name not in left]
        result["scenarios"][-1].update(sources=list(sources), targets=list(targets), silent_references=gone)
        found = result["targets"]
        nothing = {name: {key: [None] * result["num_frames"] for key in METRICS} for name in gone}
        before = {name: frames for name, frames in found.items() if name not in targets}
        result["targets"] = before | {name: {**nothing, **found}[name] for name in targets}


def _add_frames(results, references, estimate_sets, sources, targets):
    """Adds the frames of one scenario to the result of every set."""
    facts = next(iter(results.values()))
    window, hop, backend = (facts[key] for key in ("window_samples", "hop_samples", "backend"))
    slices = frame_slices(references.shape[1], window, hop)
    scores = _evaluate(references, list(estimate_sets.values()), window, hop, len(slices), backend)
    for (label, estimates), values in zip(estimate_sets.items(), scores, strict=True):
        dropped = []
        for frame, span in enumerate(slices):
            reasons = silent_reasons(sources, references[:, span], estimates[:, span])
            if reasons:
                dropped.append({"frame": frame, "reason": "; ".join(reasons)})
        results[label]["scenarios"].append(
            {"sources": list(sources), "targets": list(targets), "dropped_frames": dropped}
        )
        for target in targets:
            rows = values[:, sources.index(target)]
            results[label]["targets"][target] = {
                metric: [json_number(value) for value in row]
                for metric, row in zip(METRICS, rows, strict=True)
            }


def _song_scores(scoring, scenarios, names, references, estimates):
    """Scores over the whole song: target -> metric -> number. The other sources have no part in them."""
    signals = [dict(zip(names, array, strict=True)) for array in (references, estimates)]
    if scoring.accompaniment:
        signals = [
            {**audio, ACCOMPANIMENT: as_two_stems(audio, role)[ACCOMPANIMENT]}
            for audio, role in zip(signals, ("references", "estimates"), strict=True)
        ]
    values = {metric: FUNCTIONS[metric](*signals) for metric in scoring.song_metrics}
    targets = [target for _, targets in scenarios for target in targets]
    return {
        target: {metric: json_number(values[metric][target]) for metric in scoring.song_metrics}
        for target in targets
    }


def versions():
    """Returns the versions of the packages that the scores depend on."""
    return {package: importlib.metadata.version(package) for package in ("museval", "numpy", "scipy")}


def json_number(value):
    """Returns a float that JSON holds: None for NaN, "inf" or "-inf" for infinite values."""
    value = float(value)
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _tool(scoring):
    if "museval" not in scoring.metrics:
        return "scores of whole songs"
    museval = f"museval {importlib.metadata.version('museval')}"
    how = museval if scoring.backend == "museval" else f"shared projections equal to {museval}"
    return f"BSS Eval v4, {how}"


def _pick(signals, names, sources):
    if sources == names:
        return signals
    vocals = signals[names.index("vocals")]
    others = sum(signals[k] for k, name in enumerate(names) if name != "vocals")
    return np.stack([vocals, others])


def _evaluate(references, estimate_sets, window, hop, num_frames, backend):
    """Returns one array (4, sources, frames) per set; all NaN where a signal is silent throughout."""
    names = range(len(references))
    scores = [np.full((4, len(references), num_frames), np.nan) for _ in estimate_sets]
    audible = [k for k, item in enumerate(estimate_sets) if not silent_reasons(names, references, item)]
    chosen = [estimate_sets[k] for k in audible]
    if not chosen:
        return scores
    if backend == "shared":
        values = _shared(references, chosen, window, hop)
    else:
        museval = _import_museval()
        with np.errstate(divide="ignore", invalid="ignore"):
            values = [
                np.stack(museval.evaluate(references, estimates, win=window, hop=hop, mode="v4"))
                for estimates in chosen
            ]
    for k, value in zip(audible, values, strict=True):
        scores[k][:] = value
    return scores


def _shared(references, estimate_sets, window, hop):
    """The fast way, and museval's order of operations for the sets where rounding decides."""
    # Imported here, since they need SciPy.
    from keras_d3.evaluation.bss_eval import bss_eval_v4
    from keras_d3.evaluation.fast_bss_eval import fast_bss_eval_v4

    scores = dict(enumerate(fast_bss_eval_v4(references, estimate_sets, window, hop)))
    left = [k for k, values in scores.items() if values is None]
    if left:
        careful = bss_eval_v4(references, [estimate_sets[k] for k in left], window, hop)
        scores |= dict(zip(left, careful, strict=True))
    return list(scores.values())


def _import_museval():
    # museval imports musdb and stempeg, which look for ffmpeg and raise without it.
    try:
        import museval
    except (ImportError, RuntimeError, OSError) as error:
        raise RuntimeError(
            f"museval cannot be imported: {error} Install ffmpeg and the package museval, "
            "or use backend='shared', which needs neither."
        ) from error
    return museval
