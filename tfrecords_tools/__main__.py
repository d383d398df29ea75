"""Command line: `python -m tfrecords_tools COMMAND`: TFRecords of data sets, and generated data sets."""

import argparse
import os
import sys
from pathlib import Path

from keras_d3.audio import find_ffmpeg
from keras_d3.utils import ALL_WORK, add_beam_runner, add_work_shard, beam_runner, run_reporting_errors
from tfrecords_tools.midi.command import add_midi_commands

# What other tools leave out or add at the end of stems is less: some hundred samples, a frame of MP3.
PAD_OR_TRUNCATE_SECS = 0.1
VOC_NAME = "PASCAL VOC 2012"


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns the exit code; errors become one line on standard error."""
    options = build_parser().parse_args(arguments)
    return run_reporting_errors(options.run, options)


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands; needs no TensorFlow."""
    parser = argparse.ArgumentParser(prog="python -m tfrecords_tools", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="make the demo corpus: songs in MUSDB18's folder layout")
    demo.set_defaults(run=_demo)
    demo.add_argument("--out", required=True, metavar="DIR", help="folder for the songs")
    demo.add_argument("--num-train", type=int, default=10, help="training songs (default 10)")
    demo.add_argument("--num-test", type=int, default=3, help="synthetic test songs (default 3)")
    demo.add_argument("--train-secs", type=float, default=12.0, help="length of a training song (default 12)")
    demo.add_argument("--test-secs", type=float, default=6.5, help="length of a test song (default 6.5)")
    demo.add_argument("--seed", type=int, default=0)
    demo.add_argument("--no-real-stems", action="store_true", help="leave out the stems stempeg ships")

    musdb18 = commands.add_parser("musdb18", help="TFRecords of MUSDB18 (.stem.mp4) or MUSDB18-HQ (.wav)")
    musdb18.set_defaults(run=_musdb18)
    musdb18.add_argument(
        "--root", required=True, help="folder with train/ and test/; test/ alone makes records for scores"
    )
    musdb18.add_argument("--is-wav", choices=("auto", "yes", "no"), default="auto", help="MUSDB18-HQ or not")
    _add_writing_options(musdb18, "MUSDB18")
    _add_audio_options(musdb18, validation="musdb's official list")

    dsd100 = commands.add_parser("dsd100", help="TFRecords of DSD100 (Dev for training, Test for the test)")
    dsd100.set_defaults(run=_dsd100)
    dsd100.add_argument(
        "--root", required=True, help="folder with Mixtures/ and Sources/; Test alone will do"
    )
    _add_writing_options(dsd100, "DSD100")
    _add_audio_options(dsd100, validation="songs 060, 070, 080, 090 and 100 of Dev")

    folder = commands.add_parser("folder", help="TFRecords of a folder of songs, audio files per source")
    folder.set_defaults(run=_folder)
    folder.add_argument("--root", required=True, help="folder of <song>/<source>.wav, or train/, ... of them")
    folder.add_argument(
        "--missing-sources",
        choices=("refuse", "silence"),
        default="refuse",
        help="songs that lack a source which others have (default: refuse)",
    )
    folder.add_argument("--sources", metavar="A,B,C", help="source names in order (default: what songs hold)")
    _add_writing_options(folder, default_name="the folder's")
    folder.add_argument("--test-tracks", metavar="FILE|NAMES", help="training songs for the test split")
    _add_audio_options(folder, validation="the folder validation/")

    scenes = commands.add_parser("scenes", help="make small scenes in Cityscapes' or VOC's folder layout")
    scenes.set_defaults(run=_scenes)
    scenes.add_argument("--out", required=True, metavar="DIR", help="folder for the data set")
    scenes.add_argument("--layout", choices=("cityscapes", "voc"), default="cityscapes")
    scenes.add_argument("--num-train", type=int, default=96, help="training scenes (default 96)")
    scenes.add_argument("--num-val", type=int, default=24, help="validation scenes (default 24)")
    scenes.add_argument("--height", type=int, default=128, help="pixels (default 128)")
    scenes.add_argument("--width", type=int, default=256, help="pixels (default 256)")
    scenes.add_argument("--seed", type=int, default=0)

    cityscapes = commands.add_parser("cityscapes", help="TFRecords of Cityscapes (leftImg8bit and gtFine)")
    cityscapes.set_defaults(run=_cityscapes)
    cityscapes.add_argument("--root", required=True, help="folder with leftImg8bit/ and gtFine/")
    _add_writing_options(cityscapes, "Cityscapes")

    voc = commands.add_parser("voc", help="TFRecords of PASCAL VOC 2012, with SBD's labels if they are there")
    voc.set_defaults(run=_voc)
    voc.add_argument("--root", required=True, metavar="VOCDEVKIT", help="folder with VOC2012/")
    voc.add_argument("--sbd", metavar="DIR", help="benchmark_RELEASE/dataset, for its .mat files and lists")
    voc.add_argument(
        "--augmented",
        choices=("auto", "yes", "no"),
        default="auto",
        help="train on SBD's images too (default: auto, if a list trainaug.txt or --sbd is there)",
    )
    voc.add_argument(
        "--classes",
        metavar="FILE|NAMES",
        help="own classes in this layout, from number 0 on: a file with one name per line, or names with "
        "commas between (default: VOC's 21)",
    )
    _add_writing_options(voc, VOC_NAME)

    add_midi_commands(commands)

    verify = commands.add_parser("verify", help="read every record of a directory back")
    verify.set_defaults(run=_verify)
    verify.add_argument("directory")
    add_work_shard(verify, "shards")
    add_beam_runner(verify)
    return parser


def _add_audio_options(command, validation):
    choice = command.add_mutually_exclusive_group()
    choice.add_argument(
        "--validation-tracks",
        metavar="FILE|NAMES",
        help="training songs for validation: a file with one name per line, or names with commas between "
        f"(default: {validation})",
    )
    choice.add_argument("--no-validation", action="store_true", help="no validation split")
    command.add_argument("--sample-rate", type=int, help="Hz, of train and validation (default: the data's)")
    command.add_argument("--test-sample-rate", type=int, help="Hz, of the test split (default: the data's)")
    command.add_argument("--channels", type=int, choices=(1, 2), help="default: the data's")
    command.add_argument(
        "--pad-or-truncate",
        type=float,
        nargs="?",
        const=PAD_OR_TRUNCATE_SECS,
        default=0.0,
        metavar="SECS",
        help="pad or cut the files of a song at their ends to one length, that of the mixture or else of the "
        f"longest source, where they differ by no more than SECS (default: refuse; {PAD_OR_TRUNCATE_SECS} "
        "without a number)",
    )
    command.add_argument("--encoding", choices=("pcm16", "flac"), default="pcm16", help="default: pcm16")
    command.add_argument(
        "--block-samples", type=int, default=65536, help="samples per record (default 65536)"
    )


def _add_writing_options(command, dataset_name=None, default_name=None):
    command.add_argument("--out", required=True, metavar="DIR", help="folder for the TFRecords")
    default_text = f" (default: {default_name or dataset_name})"
    command.add_argument(
        "--dataset-name", default=dataset_name, help=f"name in the manifest and in reports{default_text}"
    )
    command.add_argument("--shard-mb", type=float, default=150.0, help="size of a shard in MB (default 150)")
    command.add_argument("--workers", type=int, help="processes (default: one per core)")
    add_work_shard(command, "shard groups; the call that finds all of them written writes the manifest")
    add_beam_runner(command)


def _demo(options):
    from tfrecords_tools.demo_corpus import make_demo_corpus

    counts = make_demo_corpus(
        options.out,
        num_train=options.num_train,
        num_test=options.num_test,
        train_secs=options.train_secs,
        test_secs=options.test_secs,
        seed=options.seed,
        real_stems=not options.no_real_stems,
        log=print,
    )
    print(f"Demo corpus in {options.out}: {counts['songs']} songs, {counts['written']} of them written now.")


def _musdb18(options):
    from tfrecords_tools.musdb18 import list_musdb18, musdb18_variant

    variant = musdb18_variant(options.root, options.is_wav)
    print(f"MUSDB18 variant: {variant} ({'MUSDB18-HQ layout' if variant == 'wav' else 'AAC stems'}).")
    if variant != "wav":
        find_ffmpeg()
    names = () if options.no_validation else _names(options.validation_tracks, "--validation-tracks")
    tracks, sources = list_musdb18(options.root, variant, names)
    _write_audio(options, options.dataset_name, variant, tracks, sources)


def _dsd100(options):
    from tfrecords_tools.dsd100 import list_dsd100

    names = () if options.no_validation else _names(options.validation_tracks, "--validation-tracks")
    tracks, sources = list_dsd100(options.root, names)
    _write_audio(options, options.dataset_name, "wav", tracks, sources)


def _folder(options):
    from tfrecords_tools.folder import list_folder

    sources = options.sources.split(",") if options.sources else None
    validation = _names(options.validation_tracks, "--validation-tracks")
    tracks, sources = list_folder(
        options.root,
        sources,
        validation or (),
        _names(options.test_tracks, "--test-tracks") or (),
        options.missing_sources,
        log=print,
    )
    if options.no_validation:
        tracks = tuple(track for track in tracks if track.split != "validation")
    elif {"train", "validation"} & {track.split for track in tracks} == {"train"}:
        raise ValueError(
            f"`{options.root}` has no validation songs. Make a folder `validation/`, name training "
            "songs with `--validation-tracks`, or do without: `--no-validation`."
        )
    name = options.dataset_name or Path(options.root).resolve().name
    _write_audio(options, name, "folder", tracks, sources)


def _scenes(options):
    from tfrecords_tools.scenes import make_scenes

    root = make_scenes(
        options.out,
        options.layout,
        num_train=options.num_train,
        num_val=options.num_val,
        height=options.height,
        width=options.width,
        seed=options.seed,
    )
    sbd = f" --sbd {options.out}/benchmark_RELEASE/dataset" if options.layout == "voc" else ""
    print(f"Next: python -m tfrecords_tools {options.layout} --root {root}{sbd} --out RECORDS")


def _cityscapes(options):
    from keras_d3.images import CITYSCAPES
    from tfrecords_tools.cityscapes import list_cityscapes

    _write_images(options, "gtFine", list_cityscapes(options.root, log=print), CITYSCAPES)


def _voc(options):
    from keras_d3.images import VOC, label_set_of
    from tfrecords_tools.voc import list_voc

    classes = _names(options.classes, "--classes", "class")
    if classes and options.dataset_name == VOC_NAME:
        options.dataset_name = Path(options.root).resolve().name
    augmented = {"auto": None, "yes": True, "no": False}[options.augmented]
    images = list_voc(options.root, options.sbd, augmented, log=print)
    variant = (
        "augmented" if any(files.label_from != "SegmentationClass" for files in images) else "own labels"
    )
    _write_images(options, variant, images, label_set_of(classes) if classes else VOC)


def _write_images(options, variant, images, label_set):
    from tfrecords_tools.image_writer import write_images

    _check_workers(options)
    manifest = write_images(
        options.out,
        options.dataset_name,
        variant,
        images,
        label_set,
        options.shard_mb,
        options.workers,
        log=print,
        work_shard=options.shard,
        beam=beam_runner(options),
    )
    if manifest is None:
        return
    _describe(options.out, manifest, f"{len(manifest.classes)} classes")


def _check_workers(options):
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"`--workers` must be at least 1. Received: {options.workers}.")


def _describe(out, manifest, content):
    size = sum(shard.bytes for shard in manifest.shards)
    print(f"{out}: {len(manifest.shards)} shards, {size / 1e6:.1f} MB, {content}.")
    for name, split in manifest.splits.items():
        print(f"  {name}: {split.describe()}")
    if "train" not in manifest.splits:
        print("  No training split: these records are for scores alone.")


def _write_audio(options, dataset, variant, tracks, sources):
    from tfrecords_tools.audio_writer import RecordsConfig, write_records

    _check_workers(options)
    config = RecordsConfig(
        sample_rate_hz=options.sample_rate,
        test_sample_rate_hz=options.test_sample_rate,
        channels=options.channels,
        encoding=options.encoding,
        block_samples=options.block_samples,
        shard_mb=options.shard_mb,
        pad_or_truncate_secs=options.pad_or_truncate,
    )
    manifest = write_records(
        options.out,
        dataset,
        variant,
        tracks,
        sources,
        config,
        options.workers,
        log=print,
        work_shard=options.shard,
        beam=beam_runner(options),
    )
    if manifest is None:
        return
    _describe(options.out, manifest, f"sources {', '.join(sources)}")
    if manifest.clipped_samples:
        print(f"  {manifest.clipped_samples} samples were out of range and are limited to 16 bits.")


def _verify(options):
    from tfrecords_tools.verify import verify_directory

    manifest, counts = verify_directory(options.directory, options.shard, beam_runner(options))
    description = f"{manifest.dataset} ({manifest.variant}), schema {manifest.schema_version}"
    part = "" if options.shard == ALL_WORK else f" of part {options.shard} of the shards"
    print(f"{options.directory}: {description}, every record{part} is whole.")
    for split, count in counts.items():
        print(f"  {split}: {manifest.split(split).describe()}, {count['records']} records")


def _names(value, option, what="song"):
    """Returns names from a file with one per line, or separated by commas; None stays None."""
    if value is None:
        return None
    # Not `Path.is_file`, which raises for a list longer than a file name may be.
    if os.path.isfile(value):
        lines = [line.strip() for line in Path(value).read_text(encoding="utf-8").splitlines()]
        names = tuple(line for line in lines if line and not line.startswith("#"))
    elif value.endswith(".txt"):
        raise FileNotFoundError(
            f"No list of {'classes' if what == 'class' else 'songs'} at `{value}` (`{option}`)."
        )
    else:
        names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names:
        raise ValueError(f"`{option}` names no {what}. Received: {value!r}.")
    return names


if __name__ == "__main__":
    sys.exit(main())
