"""Several recipes on the same records: train, export, separate, score, report."""

import concurrent.futures
import dataclasses
import datetime
import platform
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio, write_audio
from keras_d3.data import load_manifest
from keras_d3.evaluation import aggregate, do_nothing_estimates, score_directory
from keras_d3.experiments.evaluate import SPLIT, read_run, score_run, separate_run
from keras_d3.models import preset_for, receptive_field
from keras_d3.report import Excerpt, ModelEntry, PublishedScore, ReportData, write_report
from keras_d3.settings import Recipe
from keras_d3.training import train_targets
from keras_d3.utils import atomic_path, current_commit, num_cores, processor_name, write_json

EXCERPT_SECS = 6.0


def compare(
    recipes,
    config_set,
    data_dir,
    out_dir,
    excerpt_track=None,
    num_workers=None,
    backend="museval",
    command="",
    attribution="",
    say=lambda text: None,
):
    """Trains, exports and scores the configs of a set in several recipes, and writes the report.

    What is there already is kept, so an interrupted comparison goes on where it stopped.

        OUT/runs/<recipe>/<config>/   one run directory each
        OUT/references/test/...       the test tracks
        OUT/baseline/                 mixture / number of sources, and its scores
        OUT/report.html, report.md, report.json

    Args:
        recipes: `Recipe`s.
        config_set: key of `Recipe.comparisons`, "tiny" or "paper".
        data_dir: directory of records with train and test split.
        out_dir: where everything goes.
        excerpt_track: name of the test track that the report plays; by default the first.
        num_workers: scoring processes; by default one per core.
        backend: "museval" or "shared", of the networks' scores: see
            `keras_d3.evaluation.score_track`.
        command: how the comparison was called, for the report.
        attribution: str, credit and license of the data set's audio, for the report.
        say: function of one string, called with what is being done.

    Returns:
        `(path of report.html, table as text)`.

    Raises:
        ValueError: no recipe has such a set; and everything that training or scoring raises.
    """
    out_dir = Path(out_dir)
    chosen = [(recipe, name) for recipe in recipes for name in recipe.comparisons.get(config_set, ())]
    if not chosen:
        known = sorted({name for recipe in recipes for name in recipe.comparisons})
        raise ValueError(
            f"`config` must be one of {', '.join(known)} to compare recipes. Received: config={config_set!r}."
        )
    manifest = load_manifest(data_dir)
    tracks = [track.name for track in manifest.tracks(SPLIT)]
    if excerpt_track is not None and excerpt_track not in tracks:
        raise ValueError(
            f"`excerpt` must be one of the test tracks: {', '.join(tracks)}. "
            f"Received: excerpt={excerpt_track!r}."
        )
    references_dir = out_dir / "references"
    runs = [_Run(recipe, name, out_dir / "runs" / recipe.name / name) for recipe, name in chosen]
    scores, speeds = [], []
    # museval works on one core: it scores a network while the next one is trained, at low priority.
    with concurrent.futures.ThreadPoolExecutor(1) as background:
        for number, run in enumerate(runs, 1):
            say(f"[{number}/{len(runs)}] {run.title}: train")
            train_targets(run.recipe.config(run.name), data_dir, run.directory)
            if scores:
                # The speed of separation must be measured alone.
                scores[-1].result()
            say(f"[{number}/{len(runs)}] {run.title}: export and separate")
            speeds.append(separate_run(run.directory, data_dir, references_dir))
            is_last = number == len(runs)
            options = {"num_workers": num_workers if is_last else 1, "low_priority": not is_last}
            options.update(backend=backend, progress=is_last)
            scores.append(background.submit(score_run, run.directory, data_dir, references_dir, **options))
        scores = [future.result() for future in scores]
    say("report")
    source_sets = {tuple(sorted(run.recipe.config(run.name).data.sources)) for run in runs}
    baselines = [
        aggregate(score_baseline(manifest, sources, out_dir, num_workers))
        for sources in sorted(source_sets, key=len, reverse=True)
    ]
    num_tracks = len(manifest.tracks("train"))
    models = [_entry(*result, num_tracks) for result in zip(runs, scores, speeds, strict=True)]
    report = _report(manifest, runs, models, baselines, out_dir, excerpt_track or tracks[0], command)
    report = dataclasses.replace(report, attribution=attribution)
    path = out_dir / "report.html"
    write_report(path, report)
    _write_json(out_dir / "report.json", report)
    return path, comparison_table(report)


@dataclasses.dataclass(frozen=True)
class _Run:
    """One network of the comparison: a config of a recipe and its run directory."""

    recipe: Recipe
    name: str
    directory: Path

    @property
    def title(self):
        return self.recipe.display_names[self.name]


def score_baseline(manifest, sources, out_dir, num_workers=None):
    """Scores the estimate that does nothing, mixture / number of sources, on the test tracks.

    Args:
        manifest: `Manifest` of the records.
        sources: the sources of the mixture; how many they are changes the estimate.
        out_dir: holds `references/test/` already; gets `baseline/`.
        num_workers: scoring processes.

    Returns:
        dict of track scores.
    """
    references = Path(out_dir) / "references" / SPLIT
    folder = Path(out_dir) / "baseline" / f"{len(sources)}_sources"
    for track in manifest.tracks(SPLIT):
        done = folder / "estimates" / SPLIT / track.name
        if done.is_dir():
            continue
        mixture, sample_rate = read_audio(references / track.name / "mixture.wav")
        with atomic_path(done) as temporary:
            temporary.mkdir()
            for source, estimate in do_nothing_estimates(mixture, sources).items():
                write_audio(
                    temporary / f"{source}.wav", estimate.astype(np.float32), sample_rate, subtype="FLOAT"
                )
    return score_directory(
        references,
        folder / "estimates" / SPLIT,
        folder / "scores" / SPLIT,
        sources=sources,
        num_workers=num_workers,
        # The same numbers as museval's, without its 3 seconds per second of audio.
        backend="shared",
    )


def comparison_table(report):
    """Returns the SDR of every model and of the baseline as text, median of frames, then of tracks."""
    width = max(len(model.name) for model in report.models) + 2
    head = f"{'SDR in dB (median of frames, then of tracks)':{max(width, 46)}}"
    lines = [head + "".join(f"{source:>14}" for source in report.sources) + f"{'x real time':>14}"]
    rows = [
        (f"do nothing (mixture / {len(scores['all_frames'])})", scores, None) for scores in report.baselines
    ]
    rows += [(model.name, model.scores, model.speed_times_real_time) for model in report.models]
    for name, scores, speed in rows:
        values = [scores["track_median"].get(source, {}).get("SDR") for source in report.sources]
        cells = "".join(f"{'' if value is None else format(float(value), '.2f'):>14}" for value in values)
        lines.append(f"{name:{len(head)}}{cells}{'' if speed is None else format(speed, '.1f'):>14}")
    return "\n".join(lines)


def _report(manifest, runs, models, baselines, out_dir, track, command):
    sources = dict.fromkeys(manifest.sources)
    sources.update(dict.fromkeys(source for model in models for source in model.scores["track_median"]))
    excerpt, cut = _excerpt(out_dir / "references" / SPLIT / track, track, tuple(sources))
    models = [
        _with_estimates(model, run.directory / "estimates" / SPLIT / track, cut)
        for model, run in zip(models, runs, strict=True)
    ]
    training_mins = (
        sum(item.num_samples for item in manifest.tracks("train")) / manifest.sample_rate("train") / 60
    )
    return ReportData(
        title="Audio architectures side by side",
        sources=tuple(sources),
        models=tuple(models),
        baselines=tuple(baselines),
        excerpt=excerpt,
        intro=(
            "Each network was trained from TFRecords with `model.fit`, exported as a SavedModel "
            "(waveform in, stems out), and scored by BSS Eval v4 on what that SavedModel separates."
        ),
        data_set=(
            f"{manifest.dataset} ({manifest.variant}): {len(manifest.tracks('train'))} training tracks of "
            f"{training_mins:.1f} min together, {len(manifest.tracks(SPLIT))} test tracks"
        ),
        commit=current_commit(),
        machine=(
            f"{platform.platform()}, {processor_name()}, {num_cores()} cores, "
            f"Python {platform.python_version()}"
        ),
        date=datetime.date.today().isoformat(),
        command=command,
        footnotes=(
            "Training times: all networks but the first were trained while the one before was being scored "
            "at low priority, so they are upper bounds. Separation speed was measured alone.",
            'The do-nothing rows are scored by the "shared" backend, the networks by the tool named above.',
        ),
    )


def _entry(run, scores, times_real_time, num_tracks):
    """One architecture of the report, without its estimates."""
    config, states = read_run(run.directory)
    # Networks of one run differ in their targets only, as far as the receptive field goes.
    preset = preset_for(config.for_target(list(states)[-1]))
    reach = receptive_field(preset.name, tiny=config.tiny, **config.model)
    published = {item.column: item for item in run.recipe.published_for(run.name)}
    curves = {target or "": state.history for target, state in states.items()}
    return ModelEntry(
        name=run.title,
        preset=config.preset,
        paper=preset.paper,
        parameters=sum(state.parameters for state in states.values()),
        receptive_field=_reach_in_words(reach, config),
        train_secs=sum(state.train_secs for state in states.values()),
        train_steps=sum(
            config.training.steps_of_epoch(num_tracks, row["batch_size"])
            for state in states.values()
            for row in state.history
        ),
        train_epochs=max(state.epoch for state in states.values()),
        speed_times_real_time=times_real_time,
        scores=aggregate(scores),
        paper_scores=_published(published.get("paper")),
        official_scores=_published(published.get("official weights")),
        curves=curves if len(curves) > 1 else next(iter(curves.values())),
        config=f"recipes/{run.recipe.name}, config {run.name}",
        seed=config.training.seed,
        notes="" if len(states) == 1 else f"{len(states)} networks, one per source; sizes and times are sums",
    )


def _published(scores):
    if scores is None:
        return {}
    return {
        source: PublishedScore(value, scores.aggregation, f"{scores.data_set}; {scores.reference}")
        for source, value in scores.sdr_db.items()
    }


def _reach_in_words(reach, config):
    if reach is None:
        return ""
    rate = config.data.sample_rate_hz
    if config.is_spectrogram:
        step, length = config.separation["frame_step"], config.separation["frame_length"]
        return f"{reach:,} frames ({((reach - 1) * step + length) / rate:.2g} s)"
    return f"{reach:,} samples ({reach / rate:.2g} s)"


def _excerpt(folder, track, sources):
    """The middle of a track, and the slice that cuts it."""
    mixture, sample_rate = read_audio(folder / "mixture.wav")
    length = min(len(mixture), int(EXCERPT_SECS * sample_rate))
    start = (len(mixture) - length) // 2
    cut = slice(start, start + length)
    references = {source: read_audio(folder / f"{source}.wav")[0][cut] for source in sources}
    return Excerpt(track, sample_rate, mixture[cut], references, start / sample_rate), cut


def _with_estimates(model, folder, cut):
    estimates = {
        source: read_audio(folder / f"{source}.wav")[0][cut] for source in model.scores["track_median"]
    }
    return dataclasses.replace(model, estimates=estimates)


def _write_json(path, report):
    """The report's figures for other programs; no sound, no pictures."""
    write_json(
        path,
        {
            "data_set": report.data_set,
            "attribution": report.attribution,
            "commit": report.commit,
            "machine": report.machine,
            "date": report.date,
            "baselines": report.baselines,
            "models": {
                model.name: {
                    "preset": model.preset,
                    "config": model.config,
                    "seed": model.seed,
                    "parameters": model.parameters,
                    "receptive_field": model.receptive_field,
                    "train_secs": model.train_secs,
                    "train_steps": model.train_steps,
                    "times_real_time": model.speed_times_real_time,
                    "scores": model.scores,
                }
                for model in report.models
            },
        },
    )
