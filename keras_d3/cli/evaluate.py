"""`keras-d3 evaluate`: scores of folders of estimates, or of any SavedModel on records."""

import functools

from keras_d3.cli.options import (
    LABEL_IDS_HELP,
    add_label_ids,
    add_runtime,
    add_scoring,
    add_segmenter_settings,
    add_sources,
    names_of,
    scoring_options,
)
from keras_d3.pretrained import find_model
from keras_d3.utils import ALL_WORK, add_beam_runner, add_work_shard, beam_runner

# Options of the two forms; `--out` and those of `add_scoring` belong to both.
WORKERS = ("shard", "runner", "runner_options")
FOLDERS = ("references", "estimates", "sources", "tracks", *WORKERS, "pad_or_truncate")
SEPARATORS = ("quality", "runtime", "precision", "skip_trained_songs")
SONG_SCORES = ("workers", "backend", "accompaniment", "stems", "metrics")
SEGMENTERS = ("scales", "flip", "window", "stride", "overlays", "label_ids")
MODELS = ("model", "data", "split", *SEPARATORS, *SEGMENTERS)
# Stems of other tools are some hundred samples shorter or longer, a frame of MP3.
PAD_OR_TRUNCATE_SECS = 0.1
SPLITS = ("train", "validation", "test")


def add_evaluate(command):
    """Adds the options of the command."""
    command.description = (
        "Scores folders of estimates (--references, --estimates), or an exported or converted "
        "SavedModel on a split of records (--model, --data). What was made of the same data with the same "
        "settings is kept."
    )
    command.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="scores of folders go to DIR/<track>.json, a model's to DIR/scores/",
    )
    folders = command.add_argument_group("scores of folders")
    folders.add_argument(
        "--references",
        metavar="DIR",
        help="DIR/<track>/<source>.wav, or flac, mp3, ...; or MUSDB18's DIR/<track>.stem.mp4",
    )
    folders.add_argument("--estimates", metavar="DIR", help="the same of the estimates")
    add_sources(folders, "by default those of the references")
    folders.add_argument(
        "--tracks",
        metavar="FILE|NAMES",
        help="tracks to score: a file with one name per line, or names with commas between (default: all)",
    )
    folders.add_argument(
        "--pad-or-truncate",
        type=float,
        nargs="?",
        const=PAD_OR_TRUNCATE_SECS,
        default=0.0,
        metavar="SECS",
        help="pad or cut files at their ends to the length of the references, where they differ by no more "
        f"than SECS (default: refuse; {PAD_OR_TRUNCATE_SECS} without a number)",
    )
    add_work_shard(folders, "tracks; a call without it then keeps these scores and shows the table of all")
    add_beam_runner(folders)
    models = command.add_argument_group("scores of a model")
    models.add_argument(
        "--model",
        metavar="MODEL",
        help="a directory that `keras-d3 export` or `convert` made, a name of `keras-d3 pull`, or hf://user/name",
    )
    models.add_argument("--data", metavar="RECORDS", help="directory of records (python -m tfrecords_tools)")
    models.add_argument("--split", choices=SPLITS, help="default: test for songs, validation for images")
    separators = command.add_argument_group("scores of separators")
    add_runtime(separators)
    separators.add_argument(
        "--skip-trained-songs",
        action="store_true",
        help="leave out songs that the model was trained or validated on (default: refuse them)",
    )
    add_scoring(command.add_argument_group("scoring of songs"))
    segmenters = command.add_argument_group("scores of segmenters")
    add_segmenter_settings(segmenters)
    segmenters.add_argument(
        "--overlays", type=int, default=0, metavar="N", help="pictures to write (default 0)"
    )
    add_label_ids(segmenters, None, LABEL_IDS_HELP)
    command.set_defaults(run=functools.partial(_evaluate, command))


def _evaluate(command, options):
    is_model = options.model is not None or options.data is not None
    _check_form(command, options, is_model)
    if not is_model:
        _evaluate_folders(options)
        return
    options.model = find_model(options.model)
    from keras_d3.experiments import model_kind

    kind = model_kind(options.model)
    foreign = _given(command, options, SEGMENTERS if kind == "audio" else (*SEPARATORS, *SONG_SCORES))
    if foreign:
        raise ValueError(
            f"`{options.model}` is a {'separator' if kind == 'audio' else 'segmenter'}, which has no "
            f"{', '.join(foreign)}. Leave them out."
        )
    (_evaluate_separator if kind == "audio" else _evaluate_segmenter)(options)


def _check_form(command, options, is_model):
    """Ends with a usage error where options of both forms are mixed, or one is not whole."""
    foreign = _given(command, options, FOLDERS if is_model else MODELS)
    if foreign:
        ours, theirs = ("a model", "folders") if is_model else ("folders", "a model")
        command.error(
            f"{', '.join(foreign)}: for scores of {theirs}, which cannot be mixed with those of {ours}"
        )
    needed = ("model", "data") if is_model else ("references", "estimates")
    missing = [f"--{name}" for name in needed if getattr(options, name) is None]
    if len(missing) == len(needed):
        command.error("give --references and --estimates, or --model and --data")
    if missing:
        command.error(f"{', '.join(missing)} is missing")


def _given(command, options, names):
    return [
        f"--{name.replace('_', '-')}" for name in names if getattr(options, name) != command.get_default(name)
    ]


def _evaluate_folders(options):
    from keras_d3.evaluation import (
        aggregate,
        format_table,
        score_directory,
        score_on_beam,
        silent_notes,
        track_names,
    )

    runner = beam_runner(options)
    tracks = options.tracks and names_of(options.tracks, "--tracks")
    if options.shard != ALL_WORK:
        tracks = options.shard.of(sorted(tracks or track_names(options.references)))
        if not tracks:
            print(f"Part {options.shard} holds no track.")
            return
    arguments = {
        "sources": options.sources,
        "pad_or_truncate_secs": options.pad_or_truncate,
        **scoring_options(options),
    }
    folders = (options.references, options.estimates, options.out)
    if runner is not None:
        score_on_beam(runner, *folders, tracks, **arguments)
    # What the workers have scored is kept.
    scores = score_directory(*folders, tracks=tracks, **arguments)
    print(format_table(aggregate(scores)), *silent_notes(scores), sep="\n")


def _evaluate_separator(options):
    from keras_d3.evaluation import format_table, silent_notes
    from keras_d3.experiments import score_separator

    scores, summary, notes = score_separator(
        options.model,
        options.data,
        options.out,
        split=options.split or "test",
        quality=options.quality,
        runtime=options.runtime,
        precision=options.precision,
        skip_trained_songs=options.skip_trained_songs,
        **scoring_options(options),
    )
    print(format_table(summary), "", *silent_notes(scores), *notes, sep="\n")


def _evaluate_segmenter(options):
    from keras_d3.cli.options import segmenter_changes
    from keras_d3.evaluation import format_iou_table
    from keras_d3.experiments import score_segmenter

    scores, path, published, reason = score_segmenter(
        options.model,
        options.data,
        options.out,
        split=options.split or "validation",
        changes=segmenter_changes(options),
        num_overlays=options.overlays,
        label_ids=options.label_ids,
    )
    if scores is None:
        print(f"Label maps: {path}\nNo pixel has a class here, so there are no scores.")
        return
    print(format_iou_table(scores, [(item.column, item.mean_iou_percent) for item in published]))
    for item in published:
        print(f"{item.column}: {item.data_set}; {item.reference}")
    if reason:
        print(f"No published scores beside these: {reason}")
    if not scores["trained_images_known"]:
        print("The model does not say what it was trained on, so that was not compared with these images.")
    data = f"{scores['data_set']} ({scores['variant']}) {scores['split']}, {scores['images']} images"
    print(f"Scored: {data}\nScores: {path}")
