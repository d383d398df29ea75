"""Two result files of the suite `layers`, side by side."""

from benchmarks.table import heading, markdown
from keras_d3.utils import read_json

NOTES = (
    "A / B: above 1, B is faster. ours: of this package's medians; reference: of the same implementation in "
    "both, so it tells how much the machine and its load differ; ratio: of the ratios ours / reference of "
    "each file, in which machine and load cancel."
)
# Where these differ, milliseconds say little.
SAME = ("processor", "cores", "backend", "versions", "variables")


def read_document(path):
    """Reads a result file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no result file of this suite.
    """
    document = read_json(path, "result file", "python -m benchmarks")
    wanted = ("environment", "settings", "results", "memory")
    if not isinstance(document, dict) or any(name not in document for name in wanted):
        raise ValueError(
            f"`{path}` must be a result file of `python -m benchmarks` (suite layers): a mapping with "
            f"{', '.join(wanted)}."
        )
    return document


def format_comparison(first, second):
    """Returns what two documents have in common as a table in Markdown, with what only one of them has.

    Args:
        first, second: dicts, see `benchmarks.run.run_benchmarks`.
    """
    parts = [f"A: {heading(first)}\n\nB: {heading(second)}"]
    differing = [name for name in SAME if first["environment"].get(name) != second["environment"].get(name)]
    differing += [name for name in ("dtype", "small") if first["settings"][name] != second["settings"][name]]
    if differing:
        parts.append(f"They differ in {', '.join(differing)}: compare the last column alone.")
    times = [{_key(item): item for item in document["results"]} for document in (first, second)]
    rows = [_row(key, times[0][key], times[1][key]) for key in times[0] if key in times[1]]
    if rows:
        header = ("case", "threads", "step", "A ms", "B ms", "ours A / B", "reference A / B", "ratio A / B")
        parts += [markdown(header, rows, right=set(range(3, 8)) | {1}), NOTES]
    memory = [
        {(item["case"], item["threads"]): item for item in document["memory"]} for document in (first, second)
    ]
    rows = [
        (case, str(threads), f"{before['ours_mb']:.0f}", f"{memory[1][case, threads]['ours_mb']:.0f}")
        for (case, threads), before in memory[0].items()
        if (case, threads) in memory[1]
    ]
    if rows:
        parts.append(markdown(("case, memory of training steps", "threads", "A MB", "B MB"), rows, {1, 2, 3}))
    for name, here, there in (("A", *times), ("B", *reversed(times))):
        alone = [" ".join(map(str, key)) for key in here if key not in there]
        if alone:
            parts.append(f"Only in {name}: {', '.join(alone)}.")
    return "\n\n".join(parts)


def _key(item):
    return item["case"], item["threads"], item["step"]


def _row(key, first, second):
    case, threads, step = key
    ours, reference = (
        first[f"{form}_median_ms"] / second[f"{form}_median_ms"] for form in ("ours", "reference")
    )
    return (
        case,
        str(threads),
        step,
        f"{first['ours_median_ms']:.2f}",
        f"{second['ours_median_ms']:.2f}",
        f"{ours:.2f}",
        f"{reference:.2f}",
        f"{second['ratio'] / first['ratio']:.2f}",
    )
