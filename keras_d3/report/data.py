"""What a side-by-side report shows, as plain data: no file, network or model is touched here."""

import dataclasses

import numpy as np

from keras_d3.utils import check_choice

# How frames become one number: key -> words. Published scores use the same keys.
AGGREGATIONS = {
    "track_median": "median of frames, then median of tracks",
    "all_frames_median": "median of all frames",
    "all_frames_mean": "mean of all frames",
    "not_stated": "aggregation not stated",
}


@dataclasses.dataclass(frozen=True)
class PublishedScore:
    """A score somebody else published: never mixed with those of this run.

    Args:
        value_db: the score.
        aggregation: a key of `AGGREGATIONS`.
        data_set: what it was taken on, in words.

    Raises:
        ValueError: another aggregation.
    """

    value_db: float
    aggregation: str
    data_set: str

    def __post_init__(self):
        check_choice("aggregation", self.aggregation, tuple(AGGREGATIONS))


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """One architecture of the report; what is not known stays None or empty and is shown as an empty cell.

    Args:
        name: how the report calls it; unique.
        preset: the name in the registry.
        paper: citation.
        parameters: number of trainable parameters.
        receptive_field: in words, for example "149,005 samples (3.4 s)".
        train_secs, train_steps, train_epochs: what training took.
        speed_times_real_time: seconds of audio separated per second.
        scores: what `aggregate` returned for this run.
        paper_scores, official_scores: dict source -> PublishedScore, from the paper and from the
            authors' published weights.
        curves: list of dicts with "epoch", "loss" and "val_loss" (None where there is none),
            or a dict from a label to such a list, where several networks were trained.
        config, seed, notes: as texts for the footnotes; the seed may be a number.
        estimates: dict source -> array (time, channels), the excerpt as this model separates it.
    """

    name: str
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
        """Returns the curves as a dict label -> list of epochs; the label of a single one is ""."""
        curves = self.curves if isinstance(self.curves, dict) else {"": self.curves}
        return {label: list(epochs) for label, epochs in curves.items() if epochs}


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """The stretch of one track that is shown and played.

    Args:
        track: its name.
        sample_rate_hz: of all audio of the report.
        mixture: array (time, channels).
        references: dict source -> array (time, channels).
        start_secs: where in the track it begins.
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
        title: heading.
        sources: source names, in the order of the columns.
        models: tuple of ModelEntry.
        baselines: what `aggregate` returned for the mixture / number of sources, one for each set of
            sources that models here estimate; a model is compared with the one of its own sources.
        excerpt: Excerpt, or None for a report without sound.
        intro: one or two sentences under the heading.
        notice: a warning at the top, for example that the figures are made up.
        data_set: str, data set and variant.
        attribution: str, credit and license that the audio of the data set asks for.
        commit, machine, date, command: str, of the run.
        seed: int or str, random seed of the run.
        footnotes: further notes, a tuple of texts.

    Raises:
        ValueError: names are not unique, an unknown source, or audio whose shape is not the mixture's.
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
        """Sources over which a mean is taken: those of the models that estimate the most."""
        sets = [tuple(model.scores["all_frames"]) for model in self.models if model.scores]
        return set(max(sets, key=len, default=()))
