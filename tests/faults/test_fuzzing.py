"""Readers of files from strangers: whatever is in them is read right or refused with a sentence.

Ten thousand inputs each: `python -m pytest -m large tests/faults/test_fuzzing.py`.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults.mutations import changed_bytes, changed_json
from tests.faults.readers import make_readers

NAMES = (
    "audio manifest",
    "image manifest",
    "audio record",
    "audio record in the graph",
    "image record",
    "label map in a record",
    "metadata of a separator",
    "metadata of a segmenter",
    "run config",
    "training state",
    "list of tracks",
    "initial weights",
    "list of compared runs",
    "measured cost",
    "scores of a track",
    "log of separations",
    "WAV header",
    "label map",
    "image",
    "settings of D3Net",
    "settings in YAML",
    "settings of D3Net for images",
    "settings of Wave-U-Net",
)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return make_readers(tmp_path_factory.mktemp("readers"))


def fuzz(reader, num_inputs, derandomize):
    assert reader.outcome(reader.content) == "", "the file is valid as it is"
    document = reader.document
    changes = changed_bytes(reader.content) if document is None else changed_json(document)
    num_refused = 0

    @settings(
        max_examples=num_inputs,
        derandomize=derandomize,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes)
    def read(content):
        nonlocal num_refused
        num_refused += bool(reader.outcome(content))

    read()
    assert num_refused > num_inputs // 20


def test_every_reader_is_named(readers):
    assert set(NAMES) == set(readers)


@pytest.mark.parametrize("name", NAMES)
def test_a_few_inputs(readers, name):
    fuzz(readers[name], 50, derandomize=True)


@pytest.mark.large
@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_inputs(readers, name):
    fuzz(readers[name], 10_000, derandomize=False)
