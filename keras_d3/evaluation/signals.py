"""Sets of references and estimates as arrays, and the frames that scores are taken on."""

import numpy as np


def stack_signals(references, estimates):
    """Checks references and estimates against each other and stacks them in the same order.

    Args:
        references: dict source name -> array (time, channels), any real dtype.
        estimates: dict with the same sources and shapes.

    Returns:
        (names, references, estimates): tuple of source names in the order of `references`
        and two float64 arrays (sources, time, channels).

    Raises:
        ValueError: no sources, other sources in `estimates` than in `references`, an array
            that is not (time, channels) or is empty, shapes that differ, NaN or infinite samples.
    """
    if not isinstance(references, dict) or not references:
        raise ValueError(
            "`references` must be a non-empty dict from source name to an array (time, channels). "
            f"Received: references={type(references).__name__} of length {len(references)}."
        )
    names = tuple(references)
    if not isinstance(estimates, dict) or set(estimates) != set(names):
        received = sorted(estimates) if isinstance(estimates, dict) else type(estimates).__name__
        raise ValueError(
            f"`estimates` must hold the sources of `references`: {', '.join(sorted(names))}. "
            f"Received: {received}. Scores of one source depend on all of them, so none may be left out."
        )
    shape = np.shape(references[names[0]])
    for role, signals in (("references", references), ("estimates", estimates)):
        for name in names:
            _check_signal(f"{role}[{name!r}]", signals[name], shape, f"references[{names[0]!r}]")
    return (
        names,
        np.stack([np.asarray(references[name], np.float64) for name in names]),
        np.stack([np.asarray(estimates[name], np.float64) for name in names]),
    )


def _check_signal(label, signal, shape, first):
    received = np.shape(signal)
    if len(received) != 2 or 0 in received:
        raise ValueError(
            f"`{label}` must be an array (time, channels) with at least one sample and one channel. "
            f"Received shape: {received}. Give mono audio as `audio[:, None]`."
        )
    if received != shape:
        raise ValueError(
            "All references and estimates must have the same length and channels. "
            f"Received: {label} of shape {received}, {first} of shape {shape}. "
            "Trim or pad the estimates to the references first: no length is guessed here."
        )
    if not np.all(np.isfinite(signal)):
        raise ValueError(f"`{label}` must be finite. Received NaN or infinite samples.")


def frame_length(sample_rate, secs, name="window_secs"):
    """Returns `secs` in samples, rounded down as museval does; ValueError if that is none."""
    if not sample_rate > 0:
        raise ValueError(f"`sample_rate` must be positive. Received: sample_rate={sample_rate!r}.")
    samples = int(secs * sample_rate)
    if samples < 1:
        raise ValueError(
            f"`{name}` must hold at least one sample. Received: {name}={secs!r} at {sample_rate} Hz."
        )
    return samples


def frame_slices(num_samples, window, hop):
    """Returns the slices that museval scores, one per frame.

    Only whole windows count: the rest of a length that is no multiple of the hop
    is not scored. A signal no longer than one window is one frame.
    """
    if num_samples <= window:
        return [slice(0, num_samples)]
    return [slice(start, start + window) for start in range(0, num_samples - window + 1, hop)]


def silent_sources(signals):
    """Returns a bool per source of `signals` (sources, time, channels): is it silent?

    The rule is museval's: the sum over channels is zero at every sample. A source
    whose two channels cancel each other therefore counts as silent, too.
    """
    # Channel by channel: NumPy's sum along a short last axis takes ten times as long.
    total = signals[:, :, 0]
    for channel in range(1, signals.shape[2]):
        total = total + signals[:, :, channel]
    return np.all(total == 0, axis=1)


def silent_reasons(names, references, estimates):
    """Returns why a stretch cannot be scored: one text per silent reference or estimate, or []."""
    reasons = []
    for role, signals in (("reference", references), ("estimate", estimates)):
        for name, silent in zip(names, silent_sources(signals), strict=True):
            if silent:
                reasons.append(f"silent {role}: {name}")
    return reasons
