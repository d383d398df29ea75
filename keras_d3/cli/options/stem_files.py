"""Options of written stems: which, how, and of what part of a song."""

import argparse

from keras_d3.audio import AUDIO_FORMATS
from keras_d3.cli.options.shared import comma_separated
from keras_d3.settings import CLIPS, RESTS, SUBTYPES, StemFilesConfig

# Seconds, minutes and hours.
_UNITS_SECS = (1, 60, 3600)


def add_stems(parser):
    """Adds the choice of stems: `--stems`, `--two-stems`, `--rest` and `--residual`."""
    stems = parser.add_argument_group("stems")
    stems.add_argument(
        "--stems", type=comma_separated, metavar="A,B,...", help="write these alone (default: all)"
    )
    stems.add_argument("--two-stems", metavar="S", help="write S and no_S, as for karaoke")
    stems.add_argument(
        "--rest",
        choices=RESTS,
        default=RESTS[0],
        help="no_S is the song minus S (residual), so that both add up to the song, or the sum of the "
        f"other sources (default: {RESTS[0]})",
    )
    stems.add_argument(
        "--residual", action="store_true", help="also write what the stems leave of the song, as `residual`"
    )


def add_written_files(parser):
    """Adds the form of the files: `--format`, `--subtype`, `--bitrate`, `--name` and `--clip`."""
    files = parser.add_argument_group("files")
    files.add_argument(
        "--format", choices=AUDIO_FORMATS, default=AUDIO_FORMATS[0], help=f"(default: {AUDIO_FORMATS[0]})"
    )
    files.add_argument(
        "--subtype",
        choices=SUBTYPES,
        help=f"sample format of wav and flac; FLOAT is wav's alone (default: {SUBTYPES[0]})",
    )
    files.add_argument("--bitrate", type=float, metavar="KBPS", help="kbit/s of mp3, ogg and opus")
    files.add_argument(
        "--name",
        metavar="TEMPLATE",
        default="{song}/{stem}",
        help="file names below DIR, of {song}, {stem}, {model} and {ext} (default: {song}/{stem})",
    )
    files.add_argument(
        "--clip",
        choices=CLIPS,
        help="samples beyond full scale are limited (clamp), or all stems of a song are turned down by one "
        "factor (rescale), or they are kept (none) (default: clamp; none with FLOAT)",
    )


def add_part(parser):
    """Adds `--start` and `--duration`."""
    part = parser.add_argument_group("part of the song")
    part.add_argument(
        "--start", type=seconds, default=0.0, metavar="TIME", help="seconds, or M:SS, or H:MM:SS (default: 0)"
    )
    part.add_argument(
        "--duration", type=seconds, metavar="TIME", help="at most so long (default: to the end)"
    )


def stem_files_config(options):
    """Returns the `StemFilesConfig` of these options.

    Raises:
        ValueError: they contradict each other.
    """
    return StemFilesConfig(
        file_format=options.format,
        subtype=options.subtype,
        bitrate_kbps=options.bitrate,
        stems=None if options.stems is None else tuple(options.stems),
        two_stems=options.two_stems,
        rest=options.rest,
        residual=options.residual,
        name=options.name,
        clip=options.clip,
        start_secs=options.start,
        duration_secs=options.duration,
    )


def seconds(text):
    """Reads "90", "1:30" and "0:01:30" as 90.0."""
    try:
        parts = [float(part) for part in reversed(text.split(":"))]
        if len(parts) > len(_UNITS_SECS) or not all(0 <= part < float("inf") for part in parts):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be seconds, M:SS or H:MM:SS, such as 90 or 1:30. Received: {text!r}."
        ) from None
    return sum(part * unit for part, unit in zip(parts, _UNITS_SECS, strict=False))
