"""A seed and an epoch give the excerpts that they always gave, to the bit."""

import json

import pytest

from keras_d3.data.audio import excerpt_sources
from tests.data.conftest import make_records
from tests.golden.make_excerpt_checksums import CASES, CODED, FILE, RECORDS, checksum

# One or two of everything; the others take a second each.
QUICK = ("d3net", "wave_u_net_context", "inverted_mono", "stored_mixture", "accompaniment", "later_epoch")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    manifests = {}

    def of_kind(kind):
        if kind not in manifests:
            manifests[kind] = make_records(tmp_path_factory.mktemp(kind), **RECORDS[kind])
        return manifests[kind]

    return of_kind


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in CASES
        if CASES[name][0] != CODED
    ],
)
def test_first_batches_are_those_of_the_stored_checksums(records, name):
    assert checksum(name, records(CASES[name][0])) == json.loads(FILE.read_text())[name]


def test_every_case_has_a_checksum():
    assert set(json.loads(FILE.read_text())) == set(CASES)


@pytest.mark.flac
@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][0] == CODED])
def test_first_batches_of_coded_records(records, name):
    """They are streamed and decoded whole, in another place of the code."""
    from keras_d3.data.audio.flac import flac_decoder

    try:
        flac_decoder()
    except RuntimeError:
        pytest.skip("tensorflow-io's binary needs TensorFlow 2.16 or 2.17")
    assert checksum(name, records(CODED)) == json.loads(FILE.read_text())[name]


@pytest.mark.parametrize("name", ["d3net", "wave_u_net_context"])
def test_streamed_records_give_the_same(records, name, monkeypatch):
    """As coded records are read: whole, one after the other."""
    monkeypatch.setattr(excerpt_sources, "PLAIN_ENCODINGS", ())
    assert checksum(name, records(CASES[name][0])) == json.loads(FILE.read_text())[name]
