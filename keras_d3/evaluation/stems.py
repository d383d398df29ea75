"""Vocals and accompaniment: two stems out of any number."""

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
PAIR = (VOCALS, ACCOMPANIMENT)
NOT_SOURCES = ("mixture", ACCOMPANIMENT)
STEMS = ("all", "two")


def sources_of_accompaniment(names, argument, fix):
    """Returns the names whose sum is the accompaniment: itself if it is there, or all others but the vocals.

    Args:
        names: iterable of str, the sources that are there.
        argument: str, whose names they are, for the error.
        fix: str, what to do about it, for the error.

    Raises:
        ValueError: no vocals, or nothing beside them.
    """
    names = [name for name in names if name != "mixture"]
    others = [name for name in names if name not in PAIR]
    if VOCALS not in names or len(names) < 2:
        missing = (
            "'vocals'" if VOCALS not in names else "'accompaniment' or the sources that it is the sum of"
        )
        raise ValueError(
            f"Vocals and accompaniment need a source 'vocals' and at least one other in `{argument}`. "
            f"Received sources: {', '.join(names) or 'none'}; missing: {missing}. {fix}"
        )
    return [ACCOMPANIMENT] if ACCOMPANIMENT in names else others


def as_two_stems(signals, argument):
    """Returns vocals and accompaniment of the signals of any number of sources.

    Args:
        signals: dict source name -> array (time, channels), "vocals" among them. The accompaniment is
            the source of that name if there is one, or the sum of all others but the mixture.
        argument: str, name of the argument that holds them, for errors.

    Returns:
        Dict with the keys "vocals" and "accompaniment".

    Raises:
        ValueError: no vocals, or nothing beside them.
    """
    others = sources_of_accompaniment(signals, argument, "Score these with stems='all'.")
    total = signals[others[0]]
    for name in others[1:]:
        # Not `sum`, whose 0 would make an array of a list.
        total = total + signals[name]
    return {VOCALS: signals[VOCALS], ACCOMPANIMENT: total}
