"""All benchmark cases, one file per subject."""

import fnmatch

from benchmarks.cases import bfloat16, d2_block, dilated, smoothed, waveform_networks


def all_cases():
    """Returns every case, in the order of the table."""
    return (
        *dilated.CASES,
        *d2_block.CASES,
        *smoothed.CASES,
        *bfloat16.CASES,
        *waveform_networks.CASES,
    )


def find_cases(names):
    """Returns the cases with these names or patterns, in the order of the table; all for no names.

    Raises:
        ValueError: a name fits no case.
    """
    cases = all_cases()
    unknown = [name for name in names if not any(fnmatch.fnmatchcase(case.name, name) for case in cases)]
    if unknown:
        raise ValueError(
            f"`cases` must be names or patterns of these: {', '.join(case.name for case in cases)}. "
            f"Received: cases={', '.join(unknown)}."
        )
    return [
        case for case in cases if not names or any(fnmatch.fnmatchcase(case.name, name) for name in names)
    ]
