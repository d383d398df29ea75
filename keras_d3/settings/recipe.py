"""A recipe as data: a paper's configs and its published scores."""

import dataclasses
import difflib
import json

from keras_d3.settings.run import RunConfig


@dataclasses.dataclass(frozen=True)
class PublishedScores:
    """SDR that a publication states for a network, never mixed with what a run here reaches.

    Args:
        column: "paper" or "official weights".
        sdr_db: dict of `source -> SDR in dB`.
        aggregation: key of `keras_d3.report.AGGREGATIONS`.
        data_set: what it was scored on.
        reference: where the numbers stand.
    """

    column: str
    sdr_db: dict
    aggregation: str
    data_set: str
    reference: str


@dataclasses.dataclass(frozen=True)
class PublishedMeanIoU:
    """Mean IoU that a publication states for a network.

    Args:
        column: "paper", "paper, COCO" (the weights it started from), "official weights".
        mean_iou_percent: float.
        data_set: what it was scored on.
        reference: where the number stands.
    """

    column: str
    mean_iou_percent: float
    data_set: str
    reference: str


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What one folder of `recipes/` offers.

    Args:
        name: name of the folder.
        title: one line for help texts and reports.
        citation: the paper.
        configs: dict of `config name -> RunConfig`.
        comparisons: dict of `set name -> config names` that `python -m recipes.compare` puts side by
            side ("tiny" for the demo, "paper" for the papers' own sizes).
        display_names: dict of `config name -> name in reports`.
        published: dict of `config name -> tuple of PublishedScores`, or of `PublishedMeanIoU`.
        full_size: dict of `config name -> name of the full-size config` for small siblings. Reports
            show the published scores of the latter beside them, named as such.
    """

    name: str
    title: str
    citation: str
    configs: dict
    comparisons: dict
    display_names: dict
    published: dict = dataclasses.field(default_factory=dict)
    full_size: dict = dataclasses.field(default_factory=dict)

    def published_for(self, name):
        """Returns the `PublishedScores` of a config, or those of its full-size sibling."""
        if name not in self.full_size:
            return self.published.get(name, ())
        return tuple(
            dataclasses.replace(scores, data_set=f"{scores.data_set}, full-size network")
            for scores in self.published.get(self.full_size[name], ())
        )

    def config(self, name, overrides=(), sources=None, target=None):
        """Returns the config `name`, with overrides.

        Args:
            name: key of `configs`.
            overrides: strings "key.subkey=value", value as JSON or a plain string.
            sources: tuple of source names other than the config's own.
            target: source for a spectrogram network, or "all".

        Raises:
            ValueError: unknown config, key or target.
        """
        if name not in self.configs:
            close = difflib.get_close_matches(name, self.configs, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"`config` must be one of {', '.join(self.configs)} for recipe {self.name}. "
                f"Received: config={name!r}.{hint}"
            )
        config = self.configs[name]
        if sources:
            if config.data.kind != "audio":
                raise ValueError(
                    f"`sources` are for networks on audio. Received: sources={sources!r} for {name!r}, which "
                    "is trained on images. Leave them out."
                )
            config = _with_sources(config, tuple(sources))
        if target is not None:
            if not config.is_spectrogram:
                raise ValueError(
                    "`target` is for spectrogram networks, one per source; this network estimates all "
                    f"sources at once. Received: target={target!r}. Leave it out."
                )
            config = config.for_target(target)
        values = config.to_dict()
        for override in overrides:
            _apply(values, override)
        return RunConfig.from_dict(values)


def _with_sources(config, sources):
    """The same config for another source list: data, network and separator follow it."""
    model = dict(config.model)
    separation = {**config.separation, "sources": list(sources)}
    if not config.is_spectrogram:
        model["sources"] = list(sources)
    elif separation.get("source_patches"):
        patches = separation["source_patches"]
        separation["source_patches"] = {name: patches[name] for name in sources if name in patches} or None
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, sources=sources),
        separation=separation,
        model=model,
    )


def _apply(values, override):
    """Sets "a.b=value" in nested dicts; the key must exist, except below `model`."""
    key, equals, text = override.partition("=")
    if not equals:
        raise ValueError(f"`set` must have the form key=value. Received: set={override!r}.")
    *parents, leaf = key.split(".")
    place = values
    for name in parents:
        if not isinstance(place, (dict, list)):
            place = None
            break
        try:
            place = place[int(name)] if isinstance(place, list) else place[name]
        except (KeyError, IndexError, ValueError):
            place = None
            break
    if isinstance(place, list) and leaf.isdigit() and int(leaf) < len(place):
        leaf = int(leaf)
    elif not isinstance(place, dict) or (leaf not in place and parents != ["model"]):
        known = _leaves(values)
        close = difflib.get_close_matches(key, known, n=3)
        raise ValueError(
            f"Unknown config key {key!r}.{' Did you mean ' + ' or '.join(close) + '?' if close else ''} "
            f"Known keys: {', '.join(known)}."
        )
    try:
        place[leaf] = json.loads(text)
    except json.JSONDecodeError:
        place[leaf] = text


def _leaves(values, where=""):
    if isinstance(values, dict) and values:
        return [leaf for key, value in values.items() for leaf in _leaves(value, f"{where}{key}.")]
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return [leaf for i, value in enumerate(values) for leaf in _leaves(value, f"{where}{i}.")]
    return [where.rstrip(".")]
