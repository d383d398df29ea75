"""Says which songs have no scores, or scores without a source, because something is silent throughout."""

from keras_d3.evaluation.museval_scores import METRICS


def silent_notes(track_scores):
    """Returns a sentence per song in which a source has no score at all.

    Args:
        track_scores: dict track -> what `score_track` returned.

    Returns:
        List of str: which reference is silent, so that the others are scored without it; or why the song has
        no scores (an estimate is silent throughout, or in every frame something is).

    Example:

    >>> from keras_d3.evaluation import silent_notes
    >>> scenario = {"sources": ["drums", "vocals"], "targets": ["drums", "vocals"], "dropped_frames": []}
    >>> song = {"num_frames": 9, "scenarios": [{**scenario, "silent_references": ["vocals"]}]}
    >>> silent_notes({"Etude": song})
    ["'Etude': the reference of vocals is silent; the others are scored without it."]
    """
    notes = []
    for track, scores in track_scores.items():
        for scenario in scores.get("scenarios", ()):
            dropped = scenario["dropped_frames"]
            if dropped and len(dropped) == scores["num_frames"]:
                reasons = dict.fromkeys(reason for frame in dropped for reason in frame["reason"].split("; "))
                pair = f" ({' and '.join(scenario['targets'])})" if len(scores["scenarios"]) > 1 else ""
                notes.append(f"'{track}' has no {METRICS[0]} of frames{pair}: {', '.join(reasons)}.")
            elif scenario.get("silent_references"):
                gone = ", ".join(scenario["silent_references"])
                text = f"'{track}': the reference of {gone} is silent; the others are scored without it."
                notes += [] if text in notes else [text]
    return notes


def lacks_scores_for_silence(scores):
    """Says whether kept scores of earlier versions lack those of sources beside a silent reference."""
    for scenario in scores.get("scenarios", ()):
        dropped = [set(frame["reason"].split("; ")) for frame in scenario["dropped_frames"]]
        if dropped and len(dropped) == scores["num_frames"] and "silent_references" not in scenario:
            always = {reason for reason in set.intersection(*dropped) if "silent reference" in reason}
            if 0 < len(always) < len(scenario["sources"]):
                return True
    return False
