"""The commands `midi` and `open_corpus`."""

from pathlib import Path


def add_midi_commands(commands) -> None:
    """Adds both commands to the parser's subcommands; imports nothing that they run."""
    midi = commands.add_parser("midi", help="render MIDI songs to stems in MUSDB18-HQ's folder layout")
    midi.set_defaults(run=_midi)
    midi.add_argument("--midi", required=True, nargs="+", metavar="FILE", help="MIDI files, type 0 or 1")
    midi.add_argument("--soundfont", required=True, metavar="SF2", help="SoundFont of the instruments")
    midi.add_argument("--out", required=True, metavar="DIR", help="folder for train/ and test/")
    midi.add_argument("--split", choices=("train", "test"), default="train", help="default: train")
    midi.add_argument("--secs", type=float, default=60.0, help="length of the excerpt (default 60)")
    _add_rendering_options(midi)
    midi.add_argument(
        "--singer",
        default="synthetic",
        metavar="NAME",
        help="who sings the lead: synthetic (default), or festival, a program",
    )

    corpus = commands.add_parser("open_corpus", help="make a corpus of songs from Debian's packages")
    corpus.set_defaults(run=_open_corpus)
    corpus.add_argument("--out", required=True, metavar="DIR", help="folder for the corpus")
    corpus.add_argument("--train-secs", type=float, default=60.0, help="of a training song (default 60)")
    corpus.add_argument("--test-secs", type=float, default=30.0, help="of the other songs (default 30)")
    _add_rendering_options(corpus)


def _add_rendering_options(command):
    command.add_argument("--lead", action="store_true", help="the lead is sung, as a source `vocals`")
    command.add_argument("--seed", type=int, default=0, help="of levels and voice (default 0)")
    command.add_argument(
        "--limit-secs", type=float, default=600.0, help="time limit of rendering a stem (default 600)"
    )
    command.add_argument("--workers", type=int, help="processes (default: one per core)")


def _midi(options):
    from tfrecords_tools.midi.folder import render_midi_files

    count, written = render_midi_files(
        options.midi, options.soundfont, Path(options.out) / options.split, options.secs,
        options.seed, options.lead, options.limit_secs, options.workers, options.singer, log=print,
    )  # fmt: skip
    print(f"{options.out}: {count} songs, {written} of them written now.")


def _open_corpus(options):
    from tfrecords_tools.open_corpus.build import make_open_corpus

    make_open_corpus(
        options.out, options.train_secs, options.test_secs, options.seed, options.lead,
        options.limit_secs, options.workers, log=print,
    )  # fmt: skip
    sources = "drums,bass,other,vocals" if options.lead else "drums,bass,other"
    print(
        f"Next: python -m tfrecords_tools folder --root {options.out} --sources {sources} "
        f"--validation-tracks {options.out}/validation_tracks.txt --sample-rate 22050 --out RECORDS"
    )
