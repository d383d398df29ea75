"""The table of published weights: names, addresses, and what a model card says of them.

It stands in `models.json`. A file of the same form, named by `KERAS_D3_MODELS` or by an argument, replaces
single values or adds models: `{"d3net-music": {"address": "https://mirror.example/d3net-mss.zip"}}`.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from keras_d3.settings import find_by_name, from_dict
from keras_d3.utils import check_choice, read_json

TABLE = Path(__file__).with_name("models.json")
TABLE_VARIABLE = "KERAS_D3_MODELS"
KINDS = ("separator", "segmenter")
CONVERTERS = ("d3net-music", "d3net-segmentation", "wave-u-net", "deeplab-v2")
SCHEMES = ("https://", "http://")


@dataclasses.dataclass(frozen=True)
class PublishedModel:
    """Weights that the authors of a paper publish.

    Args:
        name: str, what users call it.
        kind: str, "separator" or "segmenter".
        title: str, what it is, in a line.
        converter: str, the command of `keras-d3 convert` that reads the file.
        file: str, name of the published file.
        address: str, where the authors' page says that it is; "" if no program may fetch it.
        by_hand: str, how to get it where `address` is empty.
        members: tuple of str, patterns of the files needed of an archive; empty for a plain file.
        config: str, the converter's configuration, such as "S" or "full_44KHz", or the path of settings that
            `keras-d3 convert` takes.
        size_bytes: int, size of the file; None where the authors do not state it.
        sha256: str, its SHA-256 in hexadecimal; None likewise. What arrived first is recorded and compared
            later in either case.
        page: str, address of the authors' page.
        paper: str, authors, year and address.
        data: str, what the weights were trained on.
        license: str, of code and weights as far as stated.
        metric: str, what `scores` are.
        scores: dict of `name -> number`, as published.
        scores_source: str, where they are published.

    Raises:
        ValueError: an unknown kind or converter, an address that is not HTTP, a file with folders in its
            name, or no way to get the file.
    """

    name: str
    kind: str
    title: str
    converter: str
    file: str
    address: str = ""
    by_hand: str = ""
    members: tuple[str, ...] = ()
    config: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    page: str = ""
    paper: str = ""
    data: str = ""
    license: str = ""
    metric: str = ""
    scores: dict = dataclasses.field(default_factory=dict)
    scores_source: str = ""

    def __post_init__(self):
        check_choice(f"{self.name}.kind", self.kind, KINDS)
        check_choice(f"{self.name}.converter", self.converter, CONVERTERS)
        if self.address and not self.address.startswith(SCHEMES):
            raise ValueError(
                f"`{self.name}.address` must begin with https:// or http://. Received: {self.address!r}. "
                f"For a file on this machine: keras-d3 pull {self.name} --file FILE."
            )
        if not (self.address or self.by_hand):
            raise ValueError(
                f"`{self.name}` must have an `address`, or say in `by_hand` how to get the file."
            )
        if not self.file or Path(self.file).name != self.file or "\\" in self.file:
            raise ValueError(f"`{self.name}.file` must be a file's name. Received: {self.file!r}.")

    def facts(self) -> dict:
        """What a model card says of it, as a JSON-ready dict."""
        names = (
            *("name", "title", "paper", "page", "address", "data", "license"),
            *("metric", "scores", "scores_source"),
        )
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value}


def published_models(table: str | Path | None = None) -> dict[str, PublishedModel]:
    """Returns the known models by name, `table` laid over the package's own.

    Args:
        table: path of a JSON file, `{name: {key: value}}` with the arguments of `PublishedModel`: values that
            replace those of a known model, or all of a new one. None for the file that `KERAS_D3_MODELS`
            names, if it is set.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such table; the message names the key.

    Example:

    >>> published_models()["d3net-music"].file
    'd3net-mss.zip'
    """
    values = read_json(TABLE, "table of models")
    table = table or os.environ.get(TABLE_VARIABLE) or None
    if table is not None:
        changes = read_json(table, "table of models")
        if not isinstance(changes, Mapping) or not all(isinstance(row, Mapping) for row in changes.values()):
            raise ValueError(
                f'The table of models `{table}` must be JSON of the form {{"name": {{"address": "https://..."}}}}.'
            )
        values = {**values, **{name: {**values.get(name, {}), **row} for name, row in changes.items()}}
    return {name: from_dict(PublishedModel, {"name": name, **row}, name) for name, row in values.items()}


def find_published_model(name: str, table: str | Path | None = None) -> PublishedModel:
    """Returns the model of that name; `table` as in `published_models`.

    Raises:
        ValueError: there is none; the message names close ones and all.
        FileNotFoundError, ValueError: see `published_models`.
    """
    models = published_models(table)
    return models[find_by_name(name, models, "name")]
