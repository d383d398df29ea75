"""`keras-d3 separate`: songs into stems."""

from pathlib import Path

from keras_d3.cli.options import add_out, add_runtime, add_saved_model, check_different, check_out
from keras_d3.pretrained import find_model
from keras_d3.settings import SUBTYPES


def add_separate(commands):
    """Adds the command."""
    command = commands.add_parser("separate", help="separate songs into stems with a SavedModel")
    command.add_argument(
        "songs", nargs="+", metavar="SONG", help="audio files: any format of libsndfile or ffmpeg"
    )
    add_saved_model(command, "separator")
    add_out(command, "stems go to DIR/<song>/<source>.wav", default="stems")
    command.add_argument(
        "--subtype",
        choices=SUBTYPES,
        default=SUBTYPES[0],
        help=f"sample format of the stems (default: {SUBTYPES[0]})",
    )
    add_runtime(command)
    command.set_defaults(run=_separate)


def _separate(options):
    options.model = find_model(options.model, "separator")
    from keras_d3.separation import load_separator, separate_file, song_name

    names = [song_name(song) for song in options.songs]
    check_different(names, "Songs", "the folder DIR/<song>")
    check_out(options, *(Path(options.out) / name for name in names))
    separator = load_separator(options.model, options.runtime, options.precision)
    for song in options.songs:
        for path in separate_file(
            separator, song, options.out, subtype=options.subtype, quality=options.quality
        ):
            print(path)
