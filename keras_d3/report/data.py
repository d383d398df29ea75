"""The contents of a side-by-side report as plain data, without files or networks."""

import dataclasses

import numpy as np

from keras_d3.utils import check_choice

# Aggregations of frames into one number, and their descriptions. Published scores use the same keys.
AGGREGATIONS = {
    "track_median": "median of frames, then median of tracks",
    "all_frames_median": "median of all frames",
    "all_frames_mean": "mean of all frames",
    "not_stated": "aggregation not stated",
}


@dataclasses.dataclass(frozen=True)
class PublishedScore:
    """A published score, which is never mixed with those of this run.

    Args:
        value_db: float, the score in dB.
        aggregation: str, a key of `AGGREGATIONS`.
        data_set: str, description of the data set.

    Raises:
        ValueError: `aggregation` is no key of `AGGREGATIONS`.
    """

    value_db: float
    aggregation: str
    data_set: str

    def __post_init__(self):
        check_choice("aggregation", self.aggregation, tuple(AGGREGATIONS))


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """One architecture of the report; unknown values stay None or empty and are shown as empty cells.

    Args:
        name: str, display name; unique.
        group: str, the name that runs of other seeds share; "" for a network that was trained once.
        preset: str, name of the preset.
        paper: str, citation.
        parameters: int, number of trainable parameters.
        receptive_field: str, for example "149,005 samples (3.4 s)".
        train_secs: float, duration of the training in seconds.
        train_steps, train_epochs: int, length of the training.
        speed_times_real_time: float, seconds of audio separated per second.
        scores: dict, from `keras_d3.evaluation.aggregate`.
        paper_scores, official_scores: dict of source to `PublishedScore`, of the paper and of the
            authors' published weights.
        curves: list of dicts with "epoch", "loss" and "val_loss" (None if unknown), or a dict of label
            to such a list where several networks were trained.
        config, notes: str, for the table of runs.
        seed: int or str, random seed.
        estimates: dict of source to array (time, channels), the excerpt as this model separates it.
    """

    name: str
    group: str = ""
    preset: str = ""
    paper: str = ""
    parameters: int | None = None
    receptive_field: str = ""
    train_secs: float | None = None
    train_steps: int | None = None
    train_epochs: int | None = None
    speed_times_real_time: float | None = None
    scores: dict | None = None
    paper_scores: dict = dataclasses.field(default_factory=dict)
    official_scores: dict = dataclasses.field(default_factory=dict)
    curves: list | dict = dataclasses.field(default_factory=list)
    config: str = ""
    seed: int | str | None = None
    notes: str = ""
    estimates: dict = dataclasses.field(default_factory=dict)

    def labeled_curves(self):
        """Returns the curves as a dict of label to list of epochs; the label of a single one is ""."""
        curves = self.curves if isinstance(self.curves, dict) else {"": self.curves}
        return {label: list(epochs) for label, epochs in curves.items() if epochs}


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """The excerpt of a track that the report shows and plays.

    Args:
        track: str, name of the track.
        sample_rate_hz: int, sample rate of all audio of the report.
        mixture: array (time, channels).
        references: dict of source to array (time, channels).
        start_secs: float, where in the track the excerpt begins.
    """

    track: str
    sample_rate_hz: int
    mixture: np.ndarray
    references: dict
    start_secs: float = 0.0


@dataclasses.dataclass(frozen=True)
class ReportData:
    """Everything that `write_report` shows.

    Args:
        title: str, heading.
        sources: tuple of str, source names in the order of the columns.
        models: tuple of `ModelEntry`.
        baselines: tuple of dicts from `keras_d3.evaluation.aggregate` for the estimate mixture / number
            of sources, one for each set of sources that a model estimates; a model is compared with the
            one of the same sources.
        excerpt: `Excerpt`, or None for a report without sound.
        intro: str, one or two sentences under the heading.
        notice: str, a warning at the top, for example that the figures are made up.
        data_set: str, data set and variant.
        attribution: str, credit and license that the audio of the data set asks for.
        commit, machine, date, command: str, of the run.
        seed: int or str, random seed of the run.
        footnotes: tuple of str, further notes.

    Raises:
        ValueError: there are no sources, names are not unique, a source is unknown, or audio has another
            shape than the mixture.
    """

    title: str
    sources: tuple
    models: tuple
    baselines: tuple = ()
    excerpt: Excerpt | None = None
    intro: str = ""
    notice: str = ""
    data_set: str = ""
    attribution: str = ""
    commit: str = ""
    machine: str = ""
    date: str = ""
    command: str = ""
    seed: int | str | None = None
    footnotes: tuple = ()

    def __post_init__(self):
        if not self.sources:
            raise ValueError("`sources` must name at least one source. Received: sources=().")
        names = [model.name for model in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"`models` must have unique names. Received: {', '.join(names)}.")
        for baseline in self.baselines:
            self._check_sources("baselines", baseline["all_frames"])
        for model in self.models:
            self._check_sources(f"scores of {model.name}", (model.scores or {}).get("all_frames", ()))
            for field in ("paper_scores", "official_scores", "estimates"):
                self._check_sources(f"{field} of {model.name}", getattr(model, field))
        if self.excerpt is None:
            return
        self._check_sources("references of the excerpt", self.excerpt.references)
        shape = np.shape(self.excerpt.mixture)
        clips = {f"references[{name!r}]": audio for name, audio in self.excerpt.references.items()}
        for model in self.models:
            clips.update({f"{model.name}, {name}": audio for name, audio in model.estimates.items()})
        for label, audio in clips.items():
            if len(shape) != 2 or np.shape(audio) != shape:
                raise ValueError(
                    "All audio of the excerpt must have the mixture's shape (time, channels). "
                    f"Received: {label} of shape {np.shape(audio)}, mixture of shape {shape}."
                )

    def _check_sources(self, where, values):
        unknown = sorted(set(values) - set(self.sources))
        if unknown:
            raise ValueError(
                f"Unknown source in {where}: {', '.join(unknown)}. Known sources: {', '.join(self.sources)}."
            )

    def baseline_of(self, scores):
        """Returns the baseline of the same sources as `scores`, or None."""
        targets = set(scores["all_frames"]) if scores else None
        return next((item for item in self.baselines if set(item["all_frames"]) == targets), None)

    @property
    def mean_sources(self):
        """Set of the sources that means are taken over: those of the models that estimate the most."""
        sets = [tuple(model.scores["all_frames"]) for model in self.models if model.scores]
        return set(max(sets, key=len, default=()))
