"""The work of the campaign on published weights: conversion, and pulling by name from a server."""

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_d3.convert import official_wave_u_net_settings, pull_model
from keras_d3.convert.wave_u_net_separation import wave_u_net_separator
from keras_d3.pretrained import ModelCache
from tests.faults.heavy_work import content_of
from tests.faults.kill_points import files_below
from tests.helpers.file_server import file_server
from tests.helpers.official_wave_u_net import OfficialWaveUNet, write_checkpoint

NAME = "wave-u-net"
PREFIX = "full_44KHz-1"
SETTINGS = {"num_layers": 1, "num_initial_filters": 2, "num_frames": 60, "expected_sr": 8000}
# Their bytes differ from process to process, and so do checksums of them.
GRAPHS = ("saved_model.pb", "fingerprint.pb", "assets.extra/checksums.json")


def write_authors_files(folder):
    """A checkpoint as the authors' code writes it, its settings, and an archive with it."""
    folder.mkdir()
    settings = {**official_wave_u_net_settings("baseline"), **SETTINGS, "context": True}
    official = OfficialWaveUNet(settings)
    official(np.zeros((1, official.lengths()[0], 1)))
    write_checkpoint(folder / PREFIX, official.variables)
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, "context": True}))
    with zipfile.ZipFile(folder / "models.zip", "w") as archive:
        for file in sorted(folder.glob(f"{PREFIX}.*")):
            archive.write(file, f"full_44KHz/{file.name}")


def conversion_of(authors: Path):
    """Returns the work of converting into `model` of a folder. The model card names the authors' files."""

    def convert(folder):
        separator = wave_u_net_separator(authors / PREFIX, authors / "settings.json")
        separator.export(folder / "model", overwrite=True)

    return convert


def has_no_model_or_a_whole_one(folder):
    found, wanted = (files_below(place / "model", weights_content_of) for place in _with_straight(folder))
    return found in ({}, wanted)


def _with_straight(folder):
    return folder, folder.parent / "straight"


@contextlib.contextmanager
def served(archive: Path) -> Iterator[str]:
    """Yields the address of a server of the authors' archive."""
    with file_server() as (address, behavior):
        behavior.content = archive.read_bytes()
        yield f"{address}/models.zip"


def pull_from(address: str, authors: Path):
    """Returns the work of pulling the model into `cache` of a folder."""
    row = {
        "address": address,
        "file": "models.zip",
        "config": str(authors / "settings.json"),
        "converter": "wave-u-net",
        "members": ["*full_44KHz/*"],
    }

    def pull(folder):
        os.environ["KERAS_D3_CACHE"] = str(folder / "cache")  # of the forked process alone
        table = folder / "table.json"
        table.write_text(json.dumps({NAME: row}))
        pull_model(NAME, table=table)

    return pull


def has_no_model_or_the_recorded_one(folder):
    """Whether a model that counts as pulled is as it was recorded."""
    cache = ModelCache(folder / "cache")
    try:
        return not cache.has(NAME) or cache.check(NAME) is None
    except ValueError:
        return False


def weights_content_of(path: Path) -> str | None:
    """As `content_of`, without checksums of what differs from process to process."""
    if path.name == "checksums.json" or path.parent.name == "models":
        if path.is_file() and path.suffix == ".json":
            values = json.loads(path.read_text(encoding="utf-8"))
            files = values.get("files", values)
            for name in GRAPHS:
                files.pop(name, None)
            return json.dumps(values, sort_keys=True)
    return content_of(path)
