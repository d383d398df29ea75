"""What is scored and how: the settings that a scores file depends on."""

import dataclasses

from keras_d3.evaluation.song_scores import SONG_METRICS
from keras_d3.evaluation.stems import PAIR, STEMS, VOCALS
from keras_d3.utils import check_choice

BACKENDS = ("museval", "shared")
METRIC_SETS = ("museval", *SONG_METRICS)


@dataclasses.dataclass(frozen=True)
class Scoring:
    """Settings of scores, checked.

    Args:
        window_secs: float, frame length in seconds.
        hop_secs: float, distance of frames in seconds; the window's length if None.
        accompaniment: bool, whether to score the sum of all sources but the vocals, too.
        backend: one of `BACKENDS`.
        metrics: sequence of names of `METRIC_SETS`, in any order.
        stems: one of `STEMS`.

    Raises:
        ValueError: a value is none of those, or accompaniment is asked for twice.
    """

    window_secs: float = 1.0
    hop_secs: float | None = None
    accompaniment: bool = False
    backend: str = BACKENDS[0]
    metrics: tuple = (METRIC_SETS[0],)
    stems: str = STEMS[0]

    def __post_init__(self):
        check_choice("backend", self.backend, BACKENDS)
        check_choice("stems", self.stems, STEMS)
        metrics = (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics)
        unknown = sorted(set(metrics) - set(METRIC_SETS))
        if unknown or not metrics:
            raise ValueError(
                f"`metrics` must be one or more of {', '.join(METRIC_SETS)}. Received: "
                f"metrics={','.join(metrics)!r}."
            )
        if self.accompaniment and self.stems == "two":
            raise ValueError(
                "`accompaniment=True` adds a score to those of all stems, and `stems='two'` has it already. "
                "Received: both. Leave one out."
            )
        # One order, so that equal settings give equal files.
        object.__setattr__(self, "metrics", tuple(name for name in METRIC_SETS if name in metrics))

    @property
    def song_metrics(self):
        """Names of the metrics over whole songs that are asked for."""
        return tuple(name for name in self.metrics if name in SONG_METRICS)

    def check_sources(self, names):
        """Raises a ValueError if the accompaniment is asked for and `names` does not allow it."""
        if self.accompaniment and (VOCALS not in names or len(names) < 2):
            raise ValueError(
                "`accompaniment=True` needs a source 'vocals' and at least one other. "
                f"Received sources: {', '.join(names)}. Leave it out for these sources."
            )

    def scenarios(self, names):
        """Returns (sources scored together, targets taken from them), one pair per call of BSS Eval.

        Raises:
            ValueError: see `check_sources`.
        """
        self.check_sources(names)
        if not self.accompaniment or set(names) == set(PAIR):
            return [(names, names)]
        return [(names, tuple(name for name in names if name != VOCALS)), (PAIR, PAIR)]

    def fingerprint(self):
        """Returns the settings as a JSON-ready dict; those added later only where they are not the default.

        So files that were written before the others existed are recognized as what they are.
        """
        settings = {
            "window_secs": float(self.window_secs),
            "accompaniment": bool(self.accompaniment),
            "backend": self.backend,
        }
        added = {"metrics": list(self.metrics), "stems": self.stems}
        defaults = {"metrics": [METRIC_SETS[0]], "stems": STEMS[0]}
        return settings | {name: value for name, value in added.items() if value != defaults[name]}
