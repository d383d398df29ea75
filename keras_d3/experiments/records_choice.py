"""Which records every run of a comparison uses: chosen by kind, rate, classes and splits."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_d3.data import AudioManifest, ImageManifest, load_manifest
from keras_d3.experiments.compared_runs import ComparedRun
from keras_d3.experiments.leakage import song_key
from keras_d3.settings import AudioDataConfig, RunConfig
from keras_d3.training import check_training

# The split that comparisons are scored on: labels of test images are rarely public.
SCORED_SPLIT = {"audio": "test", "images": "validation"}


def load_records(arguments: Sequence[str]) -> list[AudioManifest | ImageManifest]:
    """Loads directories of records, given as "DIR" or "RATE=DIR".

    Args:
        arguments: sequence of str. A rate in Hz states what the training records have.

    Returns:
        List of manifests.

    Raises:
        FileNotFoundError: no records at a path.
        ValueError: the records have another rate than stated, or stand there twice.
    """
    manifests = []
    for argument in arguments:
        rate, _, path = (
            argument.partition("=") if argument.partition("=")[0].isdigit() else ("", "", argument)
        )
        manifest = load_manifest(path)
        if rate:
            found = training_rate_hz(manifest)
            if found != int(rate):
                what = f"{found} Hz" if found else f"records of {manifest.kind}"
                raise ValueError(
                    f"`data` must be records of the rate that stands before them. Received: {argument!r}, "
                    f"which holds {what}. Write records with `python -m tfrecords_tools ... "
                    f"--sample-rate {rate}`."
                )
        manifests.append(manifest)
    folders = [Path(manifest.directory).resolve() for manifest in manifests]
    if len(set(folders)) < len(folders):
        raise ValueError(f"`data` must be different directories. Received: {', '.join(arguments)}.")
    return manifests


def training_rate_hz(manifest: AudioManifest | ImageManifest) -> int | None:
    """Returns the sample rate of audio records: that of the training split, or of the only one."""
    if not isinstance(manifest, AudioManifest):
        return None
    split = "train" if "train" in manifest.splits else next(iter(manifest.splits))
    return manifest.sample_rate(split)


def choose_records(
    runs: Sequence[ComparedRun], manifests: Sequence[AudioManifest | ImageManifest], train: bool = True
) -> Mapping[str, AudioManifest | ImageManifest]:
    """Chooses the records of every run, and checks all that can be known before the first step.

    Of several records that fit, one without a validation split is taken for a config that keeps the last
    weights, so that it trains on all songs, and one with it for a config that keeps the best.

    Args:
        runs: sequence of `ComparedRun`.
        manifests: what `load_records` returned.
        train: bool, whether the runs are still to be trained.

    Returns:
        dict of `ComparedRun.title -> manifest`.

    Raises:
        ValueError: no records fit a config, more than one do, the scored splits differ between records, or
            songs to be scored are trained on.
    """
    chosen = {run.title: _records_of(run, manifests, train) for run in runs}
    used = list({id(manifest): manifest for manifest in chosen.values()}.values())
    kinds = sorted({manifest.kind for manifest in used})
    if len(kinds) > 1:
        raise ValueError(
            "A comparison must be of one kind of data. Received: networks on audio and on images. Choose "
            "recipes with `--recipes`."
        )
    split = SCORED_SPLIT[kinds[0]]
    for manifest in used:
        if split not in manifest.splits:
            raise ValueError(
                f"The records at `{manifest.directory}` hold nothing to score: no {split} split. Write them "
                f"again with one."
            )
        if train:
            _check_leakage(manifest, split)
    _check_same_split(used, split)
    return chosen


def _records_of(run, manifests, train):
    of_kind = [manifest for manifest in manifests if manifest.kind == run.config.data.kind]
    fitting, reasons = [], []
    for manifest in of_kind:
        try:
            _check(run.config, manifest, train)
        except ValueError as error:
            reasons.append(f"`{manifest.directory}`: {error}")
        else:
            fitting.append(manifest)
    preferred = _preferred(run.config, fitting, train)
    if len(preferred) == 1:
        return preferred[0]
    if preferred:
        raise ValueError(
            f"`data` must hold one directory of records for {run.title}. Received: "
            f"{', '.join(f'`{item.directory}`' for item in preferred)}, which all fit. Leave out all but one."
        )
    kind = run.config.data.kind
    wanted = f"records of {kind}"
    if isinstance(run.config.data, AudioDataConfig):
        wanted += f" at {run.config.data.sample_rate_hz} Hz"
    raise ValueError(
        f"`data` must hold records for {run.title}: {wanted}. " + (" ".join(reasons) or f"None is of {kind}.")
    )


def _preferred(config, fitting, train):
    if train:
        wants_validation = config.training.selection == "best"
        return [item for item in fitting if ("validation" in item.splits) == wants_validation] or fitting
    # A finished run needs the scored split alone, which has to be the same in all records.
    same_rate = [
        item for item in fitting if training_rate_hz(item) == getattr(config.data, "sample_rate_hz", None)
    ]
    return (same_rate or fitting)[:1]


def _check(config: RunConfig, manifest, train: bool) -> None:
    if train:
        for target in config.targets:
            check_training(config.for_target(target), manifest)
    elif isinstance(config.data, AudioDataConfig):
        missing = [name for name in config.sources if name not in (*manifest.sources, "accompaniment")]
        if missing:
            raise ValueError(f"The records hold no {', '.join(missing)}.")
    elif manifest.classes != config.data.classes:
        raise ValueError(f"The records have other classes: {', '.join(manifest.classes)}.")


def _check_leakage(manifest, split):
    # Songs carry numbers in one data set that they lack in another; names of images are numbers.
    key = song_key if manifest.kind == "audio" else str
    trained = {
        key(item.name): item.name
        for other in manifest.splits
        if other != split and not (other == "validation" and manifest.kind == "images")
        for item in manifest.items(other)
    }
    leaked = [item.name for item in manifest.items(split) if key(item.name) in trained]
    if leaked:
        raise ValueError(
            f"The records at `{manifest.directory}` hold in their {split} split what is trained on, "
            f"{len(leaked)}: {', '.join(leaked[:3])}. Write them again with different songs or images."
        )


def _check_same_split(manifests, split):
    """All networks are scored on the same items, or one report could not hold them."""
    first = manifests[0]
    for other in manifests[1:]:
        for what, ours, theirs in (
            ("data set", first.dataset, other.dataset),
            ("items", _names(first, split), _names(other, split)),
            ("sample rate", _rate(first, split), _rate(other, split)),
        ):
            if ours != theirs:
                raise ValueError(
                    f"Records in one comparison must have the same {split} split. `{first.directory}` and "
                    f"`{other.directory}` differ in {what}: {_short(ours)} and {_short(theirs)}."
                )


def _names(manifest, split):
    return sorted(item.name for item in manifest.items(split))


def _rate(manifest, split):
    return manifest.sample_rate(split) if isinstance(manifest, AudioManifest) else None


def _short(value):
    return f"{len(value)} items" if isinstance(value, list) else str(value)
