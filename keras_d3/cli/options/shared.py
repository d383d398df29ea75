"""Options that several commands share, and how their values are read."""

import argparse
import os
from pathlib import Path

from keras_d3.evaluation import BACKENDS, METRIC_SETS, STEMS
from keras_d3.images import LABEL_IDS
from keras_d3.pretrained import DEFAULTS
from keras_d3.settings import OPENVINO_PRECISIONS, QUALITIES, RUNTIMES

# Instead of the size of windows: no windows.
WHOLE = "whole"
LABEL_IDS_HELP = (
    "also write a label map per image: class numbers, or the data set's own ids under the file names that "
    "its server wants"
)


def add_run_dir(parser, text="directory of a finished run (python -m recipes.<name>.train)", **kwargs):
    """Adds `--run-dir`; required unless the keyword arguments of `add_argument` say otherwise."""
    parser.add_argument("--run-dir", metavar="RUN", help=text, **{"required": True, **kwargs})


def add_saved_model(parser, kind):
    """Adds `--model`, an exported separator or segmenter; `find_model` of `keras_d3.pretrained` reads it.

    Args:
        parser: an `argparse` parser.
        kind: str, "separator" or "segmenter".
    """
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a directory that `keras-d3 export` or `convert` made, a name of `keras-d3 pull`, or "
        f"hf://user/name (default: {DEFAULTS[kind]}, once it is pulled)",
    )


def add_out(parser, text="where the files go", metavar="DIR", default=None):
    """Adds `--out`, required unless there is a default, and `--overwrite`; `check_out` applies them."""
    text = text if default is None else f"{text} (default: {default})"
    parser.add_argument("--out", required=default is None, default=default, metavar=metavar, help=text)
    add_overwrite(parser)


def add_overwrite(parser):
    """Adds `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help="replace what is there (default: refuse)")


def check_out(options, *paths):
    """Refuses to replace a file or directory unless `--overwrite` is given.

    Raises:
        FileExistsError: one of `paths` exists.
    """
    for path in paths:
        if Path(path).exists() and not options.overwrite:
            raise FileExistsError(f"`{path}` exists already. Choose another path, or give --overwrite.")


def check_different(names, things, results):
    """Refuses inputs that would write the same files.

    Args:
        names: list of str, one per input.
        things: str, the inputs in a word.
        results: str, what each of them gets.

    Raises:
        ValueError: a name occurs twice.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{things} must have different names, as each gets {results}. Received twice: "
            f"{', '.join(twice)}. Write them into different directories."
        )


def add_sources(parser, text):
    """Adds `--sources`, a list of names."""
    parser.add_argument("--sources", type=comma_separated, metavar="A,B,...", help=text)


def add_scoring(parser, choices=True):
    """Adds the options of scores of separated audio, which `scoring_options` reads.

    Args:
        parser: an `argparse` parser.
        choices: bool, whether to add what changes the scores (`--accompaniment`, `--stems`, `--metrics`)
            beside `--workers` and `--backend`, which change the time alone.
    """
    parser.add_argument("--workers", type=int, metavar="N", help="scoring processes (default: one per core)")
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        default=BACKENDS[0],
        help=f"shared: the same numbers, faster, without museval (default: {BACKENDS[0]})",
    )
    if not choices:
        return
    stems = parser.add_mutually_exclusive_group()
    stems.add_argument(
        "--accompaniment",
        action="store_true",
        help="also score the sum of all sources but the vocals; vocals and accompaniment as a pair",
    )
    stems.add_argument(
        "--stems",
        choices=STEMS,
        default=STEMS[0],
        help="two: vocals and accompaniment alone, summed where references or estimates have more sources "
        f"(default: {STEMS[0]}, as they are named)",
    )
    parser.add_argument(
        "--metrics",
        type=_metrics,
        default=METRIC_SETS[:1],
        metavar="A,B,...",
        help=f"of {', '.join(METRIC_SETS)} (default: {METRIC_SETS[0]}, its SDR, ISR, SIR and SAR)",
    )


def scoring_options(options):
    """Returns what `add_scoring` added as keyword arguments of `keras_d3.evaluation.score_directory`."""
    return {
        "num_workers": options.workers,
        "backend": options.backend,
        "accompaniment": options.accompaniment,
        "stems": options.stems,
        "metrics": options.metrics,
    }


def _metrics(text):
    names = tuple(comma_separated(text))
    if set(names) <= set(METRIC_SETS):
        return names
    raise argparse.ArgumentTypeError(
        f"must be among {', '.join(METRIC_SETS)}, with ',' between. Received: {text!r}."
    )


def add_runtime(parser):
    """Adds `--quality`, `--runtime` and `--precision` of a separation."""
    parser.add_argument(
        "--quality",
        choices=QUALITIES,
        default=QUALITIES[0],
        help=f"fast: no overlap, no channel flips (default: {QUALITIES[0]}, as the model was made)",
    )
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default=RUNTIMES[0],
        help="what computes the networks; onnxruntime and openvino take a model made --with-onnx or "
        "--with-openvino; auto: the faster one of those two that the model has networks for and that is "
        f"installed, else tensorflow (default: {RUNTIMES[0]})",
    )
    parser.add_argument(
        "--precision",
        choices=OPENVINO_PRECISIONS,
        default=OPENVINO_PRECISIONS[0],
        help="of openvino; bf16 is faster on CPUs that have it and less exact "
        f"(default: {OPENVINO_PRECISIONS[0]})",
    )


def add_with_networks(parser):
    """Adds `--with-openvino` and `--with-onnx` of an export."""
    for file_format, runtime in (("openvino", "openvino"), ("onnx", "onnxruntime")):
        parser.add_argument(
            f"--with-{file_format}",
            action="store_true",
            help=f"the SavedModel also carries its networks for `keras-d3 separate --runtime {runtime}`",
        )


def add_segmenter_settings(parser):
    """Adds `--scales`, `--flip`, `--window` and `--stride`; `segmenter_changes` reads them."""
    parser.add_argument(
        "--scales",
        type=comma_separated_numbers,
        metavar="A,B,...",
        help="average over resized images, e.g. 0.5,0.75,1,1.25",
    )
    parser.add_argument(
        "--flip", action=argparse.BooleanOptionalAction, help="average with the mirrored image"
    )
    parser.add_argument(
        "--window",
        type=window_size,
        metavar="HxW|whole",
        help="sliding windows of that size, e.g. 512x1024, or whole images",
    )
    parser.add_argument(
        "--stride", type=height_and_width, metavar="HxW", help="of the windows (default: two thirds of them)"
    )


def segmenter_changes(options):
    """Returns the settings of a segmenter that the options of `add_segmenter_settings` change, as a dict."""
    given = {name: getattr(options, name) for name in ("scales", "flip", "window", "stride")}
    changes = {name: value for name, value in given.items() if value is not None}
    return {name: None if value == WHOLE else value for name, value in changes.items()}


def add_label_ids(parser, default, text):
    """Adds `--label-ids`."""
    parser.add_argument("--label-ids", choices=LABEL_IDS, default=default, help=text)


def comma_separated(text):
    """Reads "bass,drums" as `["bass", "drums"]`."""
    return text.split(",")


def names_of(text, option):
    """Reads names from a file with one per line, or separated by commas.

    Args:
        text: str, a path or names.
        option: str, for errors.

    Raises:
        FileNotFoundError: `text` ends as the name of a text file that is not there.
        ValueError: there are no names.
    """
    # Not `Path.is_file`, which raises for a list longer than a file name may be.
    if os.path.isfile(text):
        parts = [line for line in Path(text).read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    elif text.endswith(".txt"):
        raise FileNotFoundError(f"No list of names at `{text}` (`{option}`).")
    else:
        parts = comma_separated(text)
    names = [part.strip() for part in parts if part.strip()]
    if not names:
        raise ValueError(f"`{option}` names nothing. Received: {text!r}.")
    return names


def comma_separated_ints(text):
    """Reads "0,1,2" as `[0, 1, 2]`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be whole numbers with ',' between, such as 0,1,2. Received: {text!r}."
        ) from None


def comma_separated_numbers(text):
    """Reads "0.5,1" as `[0.5, 1.0]`."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be numbers with ',' between, such as 0.75,1,1.25. Received: {text!r}."
        ) from None


def window_size(text):
    """Reads "512x1024" as `(512, 1024)`, and "whole" as itself."""
    return text if text == WHOLE else height_and_width(text)


def height_and_width(text):
    """Reads "512x1024" as `(512, 1024)`."""
    try:
        height, width = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be HEIGHTxWIDTH, such as 512x1024. Received: {text!r}."
        ) from None
    return height, width
