"""The suite `layers`: layers and blocks beside the implementations they replace."""

import sys

DEFAULT_OUT = "build/benchmarks.json"


def add_options(parser):
    """Adds the options of the suite."""
    parser.add_argument(
        "--cases", nargs="+", default=[], metavar="NAME", help="names, or patterns such as 'dilated_1d_*'"
    )
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], metavar="N", help="(default: 1 2)")
    parser.add_argument("--repeats", type=int, default=9, help="timed runs of each form (default: 9)")
    parser.add_argument("--warm-up", type=int, default=2, help="runs before them (default: 2)")
    parser.add_argument("--dtype", default="float32", help="dtype policy (default: float32)")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory in every case, not only where it has a target"
    )
    parser.add_argument("--small", action="store_true", help="small inputs: try the command, measure nothing")
    parser.add_argument("--out", default=DEFAULT_OUT, help=f"result file (default: {DEFAULT_OUT})")
    parser.add_argument("--list", action="store_true", help="list the cases and end")
    parser.add_argument(
        "--compare", nargs=2, metavar=("A.json", "B.json"), help="compare two result files, measure nothing"
    )


def run(options):
    """Measures the cases, prints a table and saves each as JSON as it ends; returns the exit code."""
    if options.list:
        return _list(options)
    if options.compare:
        return _compare(*options.compare)
    from benchmarks.run import Settings, run_benchmarks
    from benchmarks.table import format_document

    settings = Settings(
        cases=tuple(options.cases),
        threads=tuple(options.threads),
        repeats=options.repeats,
        warm_up=options.warm_up,
        dtype=options.dtype,
        memory=options.memory,
        small=options.small,
    )
    try:
        document = run_benchmarks(settings, options.out)
    except KeyboardInterrupt:
        print(
            f"interrupted; {options.out} has the cases that had ended, if any. The same command measures "
            "everything anew; `--cases` chooses",
            file=sys.stderr,
        )
        return 130
    print(f"{format_document(document)}\n\nEvery run: {options.out}")
    return 1 if document["failures"] else 0


def _compare(*paths):
    from benchmarks.comparison import format_comparison, read_document

    print(format_comparison(*(read_document(path) for path in paths)))
    return 0


def _list(options):
    import keras

    from benchmarks.cases import find_cases

    for case in find_cases(options.cases):
        reason = case.unavailable_because(keras.backend.backend())
        print(f"{case.name:32} {case.description}" + (f" [not measured: {reason}]" if reason else ""))
    return 0
