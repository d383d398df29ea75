"""The report of a comparison: sizes, scores, curves and an excerpt of every network."""

import dataclasses
import datetime
import platform

from keras_d3.analysis import receptive_field
from keras_d3.audio import read_audio
from keras_d3.evaluation import aggregate
from keras_d3.experiments.separation_scores import SPLIT
from keras_d3.models import preset_for
from keras_d3.report import (
    Excerpt,
    ModelEntry,
    PublishedScore,
    ReportData,
    seeds_of_separators,
    table_as_text,
)
from keras_d3.runs import Run
from keras_d3.utils import current_commit, machine_name, write_json

EXCERPT_SECS = 6.0


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
    seeds = seeds_of_separators(report)
    return "\n".join([*lines, "", table_as_text(seeds)] if seeds else lines)


def comparison_report(manifests, runs, models, baselines, out_dir, track, options):
    """Joins the entries of all networks, and an excerpt as each of them separates it.

    Args:
        manifests: list of `AudioManifest`, the records of the runs; all have the same test split.
        runs: sequence of `ComparedRun`.
        models: list of `ModelEntry`, one per run.
        baselines: list of what `aggregate` returned for the estimates that do nothing.
        out_dir: path of the comparison.
        track: str, the test track that is played.
        options: `ComparisonOptions`.

    Returns:
        `ReportData`.
    """
    sources = dict.fromkeys(manifests[0].sources)
    sources.update(dict.fromkeys(source for model in models for source in model.scores["track_median"]))
    excerpt, cut = _excerpt(out_dir / "references" / SPLIT / track, track, tuple(sources))
    models = [
        _with_estimates(model, run.directory / "estimates" / SPLIT / track, cut)
        for model, run in zip(models, runs, strict=True)
    ]
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
        data_set="; ".join(_data_set_in_words(manifest) for manifest in manifests),
        commit=current_commit(),
        machine=f"{platform.platform()}, {machine_name()}, Python {platform.python_version()}",
        date=datetime.date.today().isoformat(),
        command=options.command,
        attribution=options.attribution,
        footnotes=(
            f"Training times: {_beside_trainings(options.num_trainings)}, so they are upper bounds. "
            "Separation speed was measured alone.",
            'The do-nothing rows are scored by the "shared" backend, the networks by the tool named above.',
        ),
    )


def _beside_trainings(num_trainings):
    """What else the processor did while the networks were trained."""
    if num_trainings == 1:
        return "all networks but the first were trained while the one before was being scored at low priority"
    return f"up to {num_trainings} networks were trained at a time, each with its share of the cores"


def _data_set_in_words(manifest):
    name, tests = f"{manifest.dataset} ({manifest.variant})", len(manifest.tracks(SPLIT))
    if "train" not in manifest.splits:
        return f"{name}: {tests} test tracks"
    tracks, rate = manifest.tracks("train"), manifest.sample_rate("train")
    mins = sum(item.num_samples for item in tracks) / rate / 60
    return (
        f"{name}: {len(tracks)} training tracks of {mins:.1f} min together at {rate} Hz, {tests} test tracks"
    )


def model_entry(run, scores, times_real_time, num_tracks):
    """One architecture of the report, without its estimates."""
    trained = Run(run.directory)
    config, states = trained.config, trained.finished_states()
    # Networks of one run differ in their targets only, as far as the receptive field goes.
    preset = preset_for(config.for_target(list(states)[-1]))
    published = {item.column: item for item in run.recipe.published_for(config.name)}
    scored = aggregate(scores)
    curves = {target or "": state.history for target, state in states.items()}
    return ModelEntry(
        name=run.title,
        group=run.group,
        preset=config.preset,
        paper=preset.paper,
        parameters=sum(state.parameters for state in states.values()),
        receptive_field=_receptive_field_in_words(preset, config),
        train_secs=sum(state.train_secs for state in states.values()),
        train_steps=sum(
            config.training.steps_of_epoch(num_tracks, row["batch_size"])
            for state in states.values()
            for row in state.history
        ),
        train_epochs=max(state.epoch for state in states.values()),
        speed_times_real_time=times_real_time,
        scores=scored,
        paper_scores=_published(published.get("paper"), scored["track_median"]),
        official_scores=_published(published.get("official weights"), scored["track_median"]),
        curves=curves if len(curves) > 1 else next(iter(curves.values())),
        config=f"recipes/{run.recipe.name}, config {config.name}",
        seed=config.training.seed,
        notes="" if len(states) == 1 else f"{len(states)} networks, one per source; sizes and times are sums",
    )


def _published(scores, sources):
    """The published scores of the sources that the network is scored on."""
    if scores is None:
        return {}
    return {
        source: PublishedScore(value, scores.aggregation, f"{scores.data_set}; {scores.reference}")
        for source, value in scores.sdr_db.items()
        if source in sources
    }


def _receptive_field_in_words(preset, config):
    try:
        reach = receptive_field(preset.name, tiny=config.tiny, **config.model)[0]
    except ValueError:
        # There is no rule for a layer, such as the STFT inside a network.
        return ""
    rate = config.data.sample_rate_hz
    if config.is_spectrogram:
        step, length = config.separation.frame_step, config.separation.frame_length
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


def write_report_json(path, report):
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
