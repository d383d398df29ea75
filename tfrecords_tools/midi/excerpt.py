"""Which part of a song is rendered."""

from collections.abc import Iterable

import numpy as np

from tfrecords_tools.midi.song import MidiNote

BIN_SECS = 0.5
# How long a drum sounds: the lengths of drum notes mean nothing.
HIT_SECS = 0.25
# A source must play in this share of the excerpt: separating one that hardly sounds shows nothing.
MIN_PLAYING_SHARE = 0.25


def choose_excerpt(notes_by_source: dict[str, Iterable[MidiNote]], song_secs: float, secs: float) -> float:
    """Returns when the excerpt begins, a whole second.

    It is the excerpt in which the scarcest source plays most: of all begins, the one of the largest
    minimum over the sources of the share of half seconds in which the source plays; of equal ones that
    of the largest sum, then the first.

    Args:
        notes_by_source: dict, `{source: notes}`.
        song_secs: float, length of the song.
        secs: float, length of the excerpt.

    Raises:
        ValueError: a source has no notes, or plays in less than a quarter of every excerpt.
    """
    num_bins = int(np.ceil(max(song_secs, secs) / BIN_SECS)) + 1
    length = int(round(secs / BIN_SECS))
    begins = np.arange(0, max(1, int(song_secs - secs) + 1))
    first = (begins / BIN_SECS).astype(int)
    shares = []
    for source, notes in notes_by_source.items():
        if not notes:
            raise ValueError(f"it has no notes for {source!r}")
        plays = np.zeros(num_bins + 1)
        for note in notes:
            end = note.start_secs + HIT_SECS if source == "drums" else note.end_secs
            plays[int(note.start_secs / BIN_SECS) : int(np.ceil(end / BIN_SECS))] = 1
        total = np.concatenate([[0], np.cumsum(plays)])
        shares.append(total[np.minimum(first + length, len(plays))] - total[first])
    # NumPy's sort puts the last key first.
    order = np.lexsort((begins, -np.sum(shares, axis=0), -np.min(shares, axis=0)))
    best = np.array(shares)[:, order[0]] / (min(secs, song_secs) / BIN_SECS)
    if best.min() < MIN_PLAYING_SHARE:
        source = list(notes_by_source)[best.argmin()]
        raise ValueError(
            f"its {source!r} plays in {100 * best.min():.0f} % of the excerpt, "
            f"less than {100 * MIN_PLAYING_SHARE:.0f} %"
        )
    return float(begins[order[0]])
