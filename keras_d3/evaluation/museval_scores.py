"""All four BSS Eval v4 scores of one track, frame by frame, as a JSON-ready dict."""

import importlib.metadata
import math

import numpy as np

from keras_d3.evaluation.signals import frame_length, frame_slices, silent_reasons, stack_signals
from keras_d3.utils import check_choice

METRICS = ("SDR", "ISR", "SIR", "SAR")
BACKENDS = ("museval", "shared")
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
):
    """Scores one track with BSS Eval v4 through museval: SDR, ISR, SIR and SAR per frame.

    Stöter, Liutkus and Ito, "The 2018 Signal Separation Evaluation Campaign", 2018,
    https://arxiv.org/abs/1804.06267. The call is museval's own `evaluate(mode="v4")`.
    Two rules go beyond museval, which raises or stays silent there:

    - A track on which a reference or an estimate is silent throughout has NaN in all frames.
    - Every dropped frame is listed with its reason.

    Args:
        references: dict source name -> array (time, channels), all sources of the mixture.
        estimates: dict with the same sources and shapes.
        sample_rate: int, any rate in Hz.
        name: str, the track's name, kept in the result.
        window_secs: float, frame length in seconds.
        hop_secs: float, distance of frames in seconds; the window's length if None.
        accompaniment: bool; if True, also score "accompaniment", the sum of all sources but
            "vocals". As in museval, vocals and accompaniment are then scored as a pair of
            two sources, which changes the vocals' SIR and SAR and the frames dropped.
        backend: "museval" calls museval. "shared" computes the same numbers (see
            `bss_eval_v4`) without repeating the work on the references.

    Returns:
        JSON-ready dict: "track", "targets" (target -> metric -> list of frames, None for NaN
        and "inf" or "-inf" for infinite ratios, so that `float()` reads all others),
        "scenarios" (which sources were scored together, and "dropped_frames" with reasons),
        window, hop, sample rate, length, unscored samples at the end, tool and versions.

    Raises:
        ValueError: sources, shapes, window or backend are wrong (see `sdr`), or there is no
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
    sets = {"": estimates}
    options = {"hop_secs": hop_secs, "accompaniment": accompaniment, "backend": backend}
    return score_estimates(references, sets, sample_rate, name, window_secs, **options)[""]


def score_estimates(
    references,
    estimate_sets,
    sample_rate,
    name,
    window_secs=1.0,
    hop_secs=None,
    accompaniment=False,
    backend="museval",
):
    """Scores several separators' estimates of the same track; "shared" makes the others cheap.

    Args:
        estimate_sets: dict from a label (a separator) to its dict of estimates.
        references, sample_rate, name, window_secs, hop_secs, accompaniment, backend: see
            `score_track`.

    Returns:
        Dict label -> what `score_track` returns.
    """
    check_choice("backend", backend, BACKENDS)
    window = frame_length(sample_rate, window_secs)
    hop = window if hop_secs is None else frame_length(sample_rate, hop_secs, "hop_secs")
    if not estimate_sets:
        return {}
    stacked = {}
    for label, estimates in estimate_sets.items():
        names, reference_array, stacked[label] = stack_signals(references, estimates)
    num_samples, channels = reference_array.shape[1:]
    slices = frame_slices(num_samples, window, hop)
    results = {
        label: {
            "schema_version": SCHEMA_VERSION,
            "track": name,
            "tool": f"BSS Eval v4, {_tool(backend)}",
            "versions": versions(),
            "sample_rate_hz": int(sample_rate),
            "window_samples": window,
            "hop_samples": hop,
            "num_samples": num_samples,
            "channels": channels,
            "num_frames": len(slices),
            "unscored_samples": num_samples - slices[-1].stop,
            "targets": {},
            "scenarios": [],
        }
        for label in stacked
    }
    for sources, targets in _scenarios(names, accompaniment):
        parts = {label: _pick(array, names, sources) for label, array in stacked.items()}
        part = _pick(reference_array, names, sources)
        scores = _evaluate(part, list(parts.values()), window, hop, len(slices), backend)
        for (label, estimates), values in zip(parts.items(), scores, strict=True):
            dropped = []
            for frame, span in enumerate(slices):
                reasons = silent_reasons(sources, part[:, span], estimates[:, span])
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
    return results


def versions():
    """Returns the versions of the packages that the scores depend on."""
    return {package: importlib.metadata.version(package) for package in ("museval", "numpy", "scipy")}


def json_number(value):
    """Returns a float that JSON holds: None for NaN, "inf" or "-inf" for infinite values."""
    value = float(value)
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


def _tool(backend):
    if backend == "museval":
        return f"museval {importlib.metadata.version('museval')}"
    return f"shared projections equal to museval {importlib.metadata.version('museval')}"


def _scenarios(names, accompaniment):
    """Returns (sources scored together, targets taken from them), one pair per call of BSS Eval."""
    if not accompaniment:
        return [(names, names)]
    if "vocals" not in names or len(names) < 2:
        raise ValueError(
            "`accompaniment=True` needs a source 'vocals' and at least one other. "
            f"Received sources: {', '.join(names)}. Leave it out for these sources."
        )
    pair = ("vocals", "accompaniment")
    return [(names, tuple(name for name in names if name != "vocals")), (pair, pair)]


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
        # Imported here, since it needs SciPy.
        from keras_d3.evaluation.bss_eval import bss_eval_v4

        values = bss_eval_v4(references, chosen, window, hop)
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
