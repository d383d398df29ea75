"""Hypothesis strategies that change a valid file into one that nobody would write."""

import copy
import json

from hypothesis import strategies as st

from keras_d3.utils import CHECKSUM, with_checksum

# What JSON can hold, and what hurts: names that lead elsewhere, numbers beyond every range.
EXTREME = ("", ".", "..", "../../x", "/etc/passwd", "a\0b", "\udce9", "NaN", "mixture", "é" * 300)
NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63), 10**18, 10**30, 10**400, 0.5, -0.0, 1e308, 5e-324, float("inf"))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(EXTREME),
    st.sampled_from(NUMBERS),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _places(values):
    """Every (container, key) of nested dicts and lists."""
    keys = values if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()
    found = [(values, key) for key in keys]
    return found + [place for key in keys for place in _places(values[key])]


@st.composite
def changed_documents(draw, document):
    """A JSON document with one to three values replaced, removed, added or exchanged."""
    values = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(values)
        if not places:
            break
        container, key = places[draw(st.integers(0, len(places) - 1))]
        how = draw(st.sampled_from(("replace", "replace", "replace", "remove", "add", "exchange")))
        if how == "replace":
            container[key] = draw(json_values)
        elif how == "remove":
            del container[key]
        elif how == "add" and isinstance(container, dict):
            container[draw(st.text(max_size=5))] = draw(json_values)
        else:
            container[key] = copy.deepcopy(draw(st.sampled_from(places))[0])
    if isinstance(values, dict) and draw(st.booleans()):
        values.pop(CHECKSUM, None)
        values = with_checksum(values) if CHECKSUM in document else values
    return values


@st.composite
def changed_json(draw, document):
    """The bytes of a changed document, or a changed file of the right one."""
    if draw(st.integers(0, 3)):
        text = json.dumps(draw(changed_documents(document)), ensure_ascii=True)
        return text.encode("utf-8")
    return draw(changed_bytes(json.dumps(document).encode("utf-8")))


@st.composite
def changed_bytes(draw, content):
    """Bytes with some flipped, overwritten, removed, repeated or cut off."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        how = draw(st.sampled_from(("flip", "flip", "overwrite", "remove", "repeat", "cut")))
        length = draw(st.integers(1, 16))
        if how == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif how == "overwrite":
            data[place : place + length] = draw(st.binary(min_size=1, max_size=16))
        elif how == "remove":
            del data[place : place + length]
        elif how == "repeat":
            data[place:place] = data[place : place + length]
        else:
            del data[place:]
    return bytes(data)
