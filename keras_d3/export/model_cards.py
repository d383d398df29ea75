"""Model cards: `README.md` of exports, in the form of the Hugging Face Hub, made of their metadata alone."""

from collections.abc import Mapping
from typing import Any

CARD_FILE = "README.md"
NOT_STATED = "not stated"
# Names of songs or images that are listed before the rest is counted.
MAX_NAMES = 5


def model_card(metadata: Mapping[str, Any]) -> str:
    """Returns what a model is, its data, license and scores with their source, as Markdown.

    Nothing is guessed: what the metadata do not tell is called "not stated".

    Args:
        metadata: dict, see `describe`. `published` (`title`, `paper`, `page`, `file`, `sha256`, `data`,
            `license`, `metric`, `scores`, `scores_source`, ...) is of weights that were pulled by name,
            `recipe` of runs and conversions, `scores` (a list of `metric`, `scores`, `scores_source`) of runs
            that were scored. All may be missing.

    Returns:
        str, with a heading of YAML that the Hub reads.

    Example:

    >>> print(model_card({"sources": ["vocals"], "sample_rate_hz": 44100, "channels": 2}).splitlines()[7])
    # A separator of keras-d3
    """
    is_segmenter = metadata.get("task") == "segmentation"
    published, recipe = _mapping(metadata, "published"), _mapping(metadata, "recipe")
    lines = [
        "---",
        "library_name: tensorflow",
        "tags:",
        "- keras-d3",
        f"- {'image-segmentation' if is_segmenter else 'audio-source-separation'}",
        "---",
        "",
        f"# {_title(metadata, published, recipe, is_segmenter)}",
        "",
        *_what_it_is(metadata, is_segmenter),
        "",
        "## Where it comes from",
        "",
        *_origin(published, recipe),
        "",
        "## Data",
        "",
        *_data(published, recipe),
        "",
        "## License",
        "",
        str(published.get("license") or f"Of the weights: {NOT_STATED}."),
        "The terms of the data that they were trained on may say more.",
        "",
        "## Scores",
        "",
        *_scores(metadata, published),
        "",
        "## Made with",
        "",
        ", ".join(
            f"{name} {metadata.get(key) or NOT_STATED}"
            for name, key in (
                ("keras-d3", "keras_d3_version"),
                ("commit", "commit"),
                ("TensorFlow", "tensorflow_version"),
                ("Keras", "keras_version"),
            )
        ),
    ]
    return "\n".join(lines) + "\n"


def _title(metadata, published, recipe, is_segmenter):
    if published.get("name"):
        return str(published["name"])
    run = _mapping(recipe, "run")
    names = [str(run.get(key) or recipe.get(key) or "") for key in ("recipe", "config")]
    # The config of a run is a long dict; that of a conversion a word.
    known = [name for name in names if name and not name.startswith("{")]
    return ", ".join(known) or f"A {'segmenter' if is_segmenter else 'separator'} of keras-d3"


def _what_it_is(metadata, is_segmenter):
    if is_segmenter:
        classes = list(metadata.get("classes") or ())
        return [
            f"A segmenter: gives every pixel of an RGB image one of {len(classes)} classes "
            f"({', '.join(map(str, classes))}).",
            "",
            "```python",
            "import keras_d3",
            "",
            'labels, probabilities = keras_d3.load_segmenter("THIS_DIRECTORY").segment(image)',
            "```",
        ]
    channels = metadata.get("channels")
    return [
        f"A separator: splits songs into {', '.join(map(str, metadata.get('sources') or ()))}. Its networks "
        f"work at {metadata.get('sample_rate_hz')} Hz with {channels} channel{'' if channels == 1 else 's'}; "
        "songs of other rates are converted.",
        "",
        "```python",
        "import keras_d3",
        "",
        'stems = keras_d3.load_separator("THIS_DIRECTORY").separate(song, sample_rate)',
        "```",
    ]


def _origin(published, recipe):
    lines = []
    if published:
        lines += [f"- {published.get('title', NOT_STATED)}", f"- Paper: {published.get('paper', NOT_STATED)}"]
        lines += [f"- Authors' page: {published.get('page', NOT_STATED)}"]
        lines += [
            f"- File: {published.get('file', NOT_STATED)}, {published.get('size_bytes', NOT_STATED)} bytes, "
            f"SHA-256 {published.get('sha256', NOT_STATED)}"
        ]
    if recipe.get("converted_from"):
        lines += [f"- Converted from {recipe['converted_from']}"]
    run = _mapping(recipe, "run")
    if run:
        lines += [
            f"- A training: recipe {run.get('recipe', NOT_STATED)}, config {run.get('config', NOT_STATED)}, "
            f"commit {run.get('commit') or NOT_STATED}",
            f"- Epochs: {_listed(run.get('epochs'))}; weights kept: {run.get('weights', NOT_STATED)}",
        ]
    return lines or [f"- {NOT_STATED}"]


def _data(published, recipe):
    lines = [f"- Trained on {published['data']}"] if published.get("data") else []
    for split, names in _mapping(recipe, "tracks").items():
        first = ", ".join(map(str, names[:MAX_NAMES]))
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        lines.append(f"- {split}: {len(names)} ({first}{more})" if names else f"- {split}: none")
    initial = [value for value in _mapping(_mapping(recipe, "run"), "initial_weights").values() if value]
    lines += [f"- Started from {_listed(value)}" for value in initial]
    return lines or [f"- {NOT_STATED}"]


def _scores(metadata, published):
    own = metadata.get("scores") or ()
    if not own and not published.get("scores"):
        return [
            "None came with this export. They are made by "
            "`keras-d3 evaluate --model THIS_DIRECTORY --data RECORDS --out SCORES`."
        ]
    lines = _score_table("", own[0]) if own else []
    for table in own[1:]:
        lines += ["", *_score_table("", table)]
    if published.get("scores"):
        lines += _score_table("As published for the authors' weights, not measured here: ", published)
    return lines


def _score_table(before, table):
    scores = _mapping(table, "scores")
    numbers = [f"{value:.2f}" if isinstance(value, float) else str(value) for value in scores.values()]
    return [
        f"{before}{table.get('metric', NOT_STATED)}.",
        "",
        f"| {' | '.join(map(str, scores))} |",
        f"|{'---:|' * len(scores)}",
        f"| {' | '.join(numbers)} |",
        "",
        f"Source: {table.get('scores_source', NOT_STATED)}.",
    ]


def _mapping(values, name):
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def _listed(value):
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key} {item}" if key not in ("None", "") else str(item) for key, item in value.items()
        )
    return str(value or NOT_STATED)
