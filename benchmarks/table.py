"""The results as a table in Markdown."""

_MARKS = {None: "", True: "met", False: "not met"}


def format_document(document):
    """Returns the tables of times and memory, with what they need to be read."""
    parts = [heading(document)]
    if document["results"]:
        parts += [_times(document["results"]), _NOTES]
    if document["memory"]:
        parts.append(_memory(document["memory"]))
    if document["unavailable"]:
        parts.append(
            "\n".join(f"Not measured: {name}: {why}." for name, why in document["unavailable"].items())
        )
    if document["failures"]:
        parts.append(
            "\n".join(
                f"FAILED: {failure['case']} ({failure['threads']} threads): {failure['error']}"
                for failure in document["failures"]
            )
        )
    return "\n\n".join(parts)


_NOTES = (
    "Medians. Ratio: median of the ratios of neighboring runs, with quartiles; above 1, this package is "
    "faster. A target of 1 means never slower: met when the ratio is at least 0.97 or its upper quartile at "
    "least 1. Difference: largest difference of the outputs relative to the reference's largest value, and "
    "root mean square relative to the reference's; * marks two different functions, the sizes of which only "
    "are compared. forward: inference; training: forward and backward with respect to inputs and weights."
)


def heading(document):
    """Returns a line about machine, versions and settings of a document."""
    machine, settings = document["environment"], document["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    small = " SMALL INPUTS: these times mean nothing." if settings["small"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, {versions}; backend "
        f"{machine['backend']}; {settings['dtype']}; {settings['repeats']} runs after {settings['warm_up']}; "
        f"commit {machine['commit']}; {machine['date']}.{small}"
    )


def _times(results):
    header = ("case", "threads", "step", "ours ms", "reference ms", "ratio", "target", "", "difference")
    rows = []
    for result in results:
        lower, upper = result["ratio_quartiles"]
        outputs = result["differences"]["outputs"]
        star = "" if result["same_function"] else " *"
        rows.append(
            (
                result["case"],
                str(result["threads"]),
                result["step"],
                f"{result['ours_median_ms']:.2f}",
                f"{result['reference_median_ms']:.2f}",
                f"{result['ratio']:.2f} ({lower:.2f} to {upper:.2f})",
                _number(result["target"]),
                _MARKS[result["met"]],
                f"{outputs['max']:.1e}, {outputs['rms']:.1e}{star}",
            )
        )
    return markdown(header, rows, right={1, 3, 4, 5, 6})


def _memory(results):
    header = ("case, memory of training steps", "threads", "ours MB", "reference MB", "ours / reference")
    rows = [
        (
            result["case"],
            str(result["threads"]),
            f"{result['ours_mb']:.0f}",
            f"{result['reference_mb']:.0f}",
            _number(result["ratio"]),
            _number(result["target"]),
            _MARKS[result["met"]],
        )
        for result in results
    ]
    return markdown((*header, "at most", ""), rows, right={1, 2, 3, 4, 5})


def _number(value):
    return "" if value is None else f"{value:.2f}"


def markdown(header, rows, right):
    """Returns a table of strings in Markdown, padded to one width.

    Args:
        header: sequence of strings.
        rows: list of sequences of as many strings.
        right: set of the indices of the columns that are aligned to the right.
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells):
        padded = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = (f"{'-' * (width + 1)}{':' if column in right else '-'}" for column, width in enumerate(widths))
    return "\n".join([line(header), f"|{'|'.join(rule)}|", *(line(row) for row in rows)])
