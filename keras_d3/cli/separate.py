"""`keras-d3 separate`: songs into stems."""

import sys
from pathlib import Path

from keras_d3.audio import find_songs
from keras_d3.cli.options import (
    add_out,
    add_part,
    add_runtime,
    add_saved_model,
    add_stems,
    add_written_files,
    check_different,
    stem_files_config,
)
from keras_d3.pretrained import find_model
from keras_d3.utils import ALL_WORK, add_beam_runner, add_work_shard, beam_runner, prefer_onednn


def add_separate(command):
    """Adds the options of the command."""
    command.epilog = (
        "A song that cannot be read or separated does not end the others: it is named at the end, and "
        "the exit code is 1."
    )
    command.add_argument(
        "songs",
        nargs="+",
        metavar="SONG",
        help="audio files (any format of libsndfile or ffmpeg), directories of them, and patterns such as "
        "'album/*.flac'",
    )
    add_saved_model(command, "separator")
    add_out(command, "stems go to DIR/<song>/<stem>.wav, and nothing elsewhere", default="stems")
    command.add_argument(
        "--skip-existing", action="store_true", help="leave out songs whose stems are all there"
    )
    add_stems(command)
    add_written_files(command)
    add_part(command)
    add_runtime(command)
    command.add_argument("--threads", type=int, metavar="N", help="processor threads (default: one per core)")
    command.add_argument(
        "--jsonl",
        metavar="FILE",
        help="append a line of JSON per song: seconds, peak, clipped samples, files, model, settings",
    )
    add_work_shard(command, "songs")
    add_beam_runner(command)
    command.set_defaults(run=_separate)


def _separate(options):
    config = stem_files_config(options)
    _check_options(options)
    runner = beam_runner(options)
    options.model = find_model(options.model, "separator")
    songs = find_songs(options.songs, outside=options.out)
    if config.folder_template == "{song}":
        check_different([song.name for song in songs], "Songs", "the folder DIR/<song>")
    if runner is not None:
        return _separate_on_beam(options, config, runner, songs)
    model, out_dir = Path(options.model), Path(options.out)
    if options.shard != ALL_WORK:
        songs = _part_of(options, config, songs)
    if config.folder_template == "{song}":
        _check_new(options, [out_dir / song.name for song in songs])
    from keras_d3.separation import SongBatch, append_json_line, read_separator_metadata

    metadata = read_separator_metadata(model)
    _check_runtime(options, model)
    if metadata.get("window_samples"):  # of waveform networks
        prefer_onednn()
    name = model.resolve().name
    batch = SongBatch(songs, metadata, out_dir, config, name, options.skip_existing)
    _check_new(options, [path for paths in batch.paths.values() for path in paths.values()])
    outcomes, separators = [], []

    def load():
        separators.append(_load(options))
        return separators[0]

    try:
        for outcome in batch.run(load, quality=options.quality):
            outcomes.append(outcome)
            if options.jsonl is not None:
                facts = _model_facts(options, metadata, separators)
                append_json_line(options.jsonl, outcome, facts, config)
            _show(outcome)
    except KeyboardInterrupt:
        print(
            f"{len(outcomes)} of {len(songs)} songs are done; --skip-existing leaves them out",
            file=sys.stderr,
        )
        raise
    return _summarize(outcomes)


def _separate_on_beam(options, config, runner, songs):
    from keras_d3.separation import separate_on_beam

    settings = _catalog_settings(options, config)
    lines = separate_on_beam(runner, settings, songs, options.out, options.overwrite, log=print)
    failed = [line for line in lines if line["status"] == "failed"]
    for line in failed:
        print(f"failed: {line['song']}: {line['error']}", file=sys.stderr)
    return 1 if failed else 0


def _part_of(options, config, songs):
    """Returns a part's songs; refuses other settings than other parts', and songs of one place."""
    from keras_d3.separation import SongBatch, claim_directory, read_separator_metadata

    metadata = read_separator_metadata(options.model)
    SongBatch(songs, metadata, options.out, config, Path(options.model).resolve().name)
    claim_directory(options.out, _catalog_settings(options, config), options.overwrite)
    part = options.shard.of(songs)
    print(f"Part {options.shard}: {len(part)} of {len(songs)} songs.", file=sys.stderr)
    return part


def _catalog_settings(options, config):
    from keras_d3.separation import CatalogSettings

    return CatalogSettings(
        str(options.model), config, options.quality, options.runtime, options.precision, options.threads
    )


def _check_options(options):
    """Checks what needs no look at songs or model, before any work."""
    if options.precision != "f32" and options.runtime not in ("auto", "openvino"):
        raise ValueError(
            f"`--precision` is a setting of openvino. Received: --precision {options.precision}, --runtime "
            f"{options.runtime}. Leave one of them out."
        )
    if options.threads is not None and options.threads < 1:
        raise ValueError(f"`--threads` must be at least 1. Received: --threads {options.threads}.")
    if options.skip_existing and options.overwrite:
        raise ValueError("`--skip-existing` and `--overwrite` contradict each other. Give one of them.")
    if options.runner is not None and (options.skip_existing or options.jsonl is not None):
        raise ValueError(
            "`--runner` leaves out what is done, and writes DIR/separation.jsonl. Leave out "
            "`--skip-existing` and `--jsonl`."
        )
    if Path(options.out).exists() and not Path(options.out).is_dir():
        raise ValueError(f"`--out` must be a directory. Received: --out {options.out}, a file.")
    if options.jsonl is not None:
        Path(options.jsonl).parent.mkdir(parents=True, exist_ok=True)
        # A file that cannot be written is known before the first song is separated.
        with open(options.jsonl, "a", encoding="utf-8"):
            pass


def _check_runtime(options, model):
    """Checks that the model has networks for the runtime that is asked for, before any framework loads."""
    runtime = "openvino" if options.precision != "f32" else options.runtime
    if runtime not in ("auto", "tensorflow"):
        from keras_d3.export import check_carried

        check_carried(model, runtime)


def _check_new(options, paths):
    """Refuses to replace what is there, unless the options say what to do."""
    there = [path for path in paths if path.exists()]
    if there and not (options.overwrite or options.skip_existing):
        more = f", as do {len(there) - 1} more" if len(there) > 1 else ""
        raise FileExistsError(
            f"`{there[0]}` exists already{more}. Choose another path, or give --overwrite or --skip-existing."
        )


def _set_threads(num_threads):
    """Limits TensorFlow's threads; only before it runs anything."""
    if num_threads is not None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(num_threads)


def _load(options):
    _set_threads(options.threads)
    from keras_d3.separation import load_separator

    num_threads = None if options.runtime == "tensorflow" else options.threads
    return load_separator(options.model, options.runtime, options.precision, num_threads)


def _model_facts(options, metadata, separators):
    """What a line of JSON says of the model; the runtime is the one that was taken, once it is loaded."""
    recipe = metadata.get("recipe")
    return {
        "path": str(options.model),
        "recipe": recipe.get("name") if isinstance(recipe, dict) else None,
        "sources": list(metadata["sources"]),
        "sample_rate_hz": metadata["sample_rate_hz"],
        "commit": metadata.get("commit"),
        "quality": options.quality,
        "runtime": separators[0].runtime if separators else options.runtime,
        "precision": options.precision,
    }


def _show(outcome):
    if outcome.status == "failed":
        print(f"failed: {outcome.song.path}: {outcome.error}", file=sys.stderr)
    elif outcome.status == "skipped":
        print(f"skipped: {outcome.song.path}: its stems are there", file=sys.stderr)
    else:
        for path in outcome.separated.paths:
            print(path)


def _summarize(outcomes):
    """Names what failed, and returns the exit code."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if not failed:
        return 0
    print(f"error: {len(failed)} of {len(outcomes)} songs failed:", file=sys.stderr)
    for outcome in failed:
        print(f"  {outcome.song.path}: {outcome.error}", file=sys.stderr)
    return 1
