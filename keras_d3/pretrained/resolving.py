"""What users name a model by, as the directory of its SavedModel: a path, a name, an address of the Hub."""

import difflib
import os
from pathlib import Path

from keras_d3.pretrained.catalog import published_models
from keras_d3.pretrained.hub import HUB_PREFIX, hub_directory
from keras_d3.pretrained.model_cache import ModelCache
from keras_d3.utils import check_choice

# What `keras-d3 separate` takes where no model is named.
DEFAULTS = {"separator": "d3net-music", "segmenter": "d3net-segmentation-l"}


def find_model(model: str | Path | None, kind: str | None = None) -> Path:
    """Returns the directory of a SavedModel.

    Args:
        model: a path; the name of a pulled model, such as "d3net-music"; `hf://user/name`, a model of the
            Hugging Face Hub; or None for the default of the kind, "d3net-music" or "d3net-segmentation-l".
            A directory of that name comes first.
        kind: "separator" or "segmenter", what it has to be; None for either, which has no default.

    Returns:
        Path. That of an unknown name or path is returned as it is: its reader says what is missing there.

    Raises:
        FileNotFoundError: the model is known and was not pulled; the message has the command. Or it is not
            known, and a name is close to it.
        ValueError: it is known and of the other kind, or its files were changed since it was pulled; or
            neither `model` nor `kind` is given.
        ModuleNotFoundError: `hf://` without the package huggingface_hub.
        ConnectionError: the Hub does not give it.

    Example:

    >>> find_model("runs/wave_u_net/m6/saved_model", "separator").name
    'saved_model'
    """
    if model is None or kind is not None:
        kind = check_choice("kind", str(kind), tuple(DEFAULTS))
    name = DEFAULTS[str(kind)] if model is None else str(model)
    if name.startswith(HUB_PREFIX):
        return hub_directory(name)
    path = Path(name)
    # A name has no folder; a path that is there needs no table.
    if path.is_dir() or path.name != name:
        return path
    cache = ModelCache()
    if cache.has(name):
        _check_kind(name, cache.record(name)["made_from"].get("kind"), kind)
        cache.check(name)
        return cache.saved_model(name)
    models = published_models()
    if name in models:
        _check_kind(name, models[name].kind, kind)
        raise FileNotFoundError(_how_to_get(name, cache, is_default=model is None))
    close = difflib.get_close_matches(name, models, n=1)
    if close:
        raise FileNotFoundError(
            f"No SavedModel at `{name}`, and no model of that name. Did you mean {close[0]!r}? "
            "`keras-d3 pull` lists the names."
        )
    return path


def _check_kind(name, received, kind):
    if kind is not None and received != kind:
        raise ValueError(
            f"`model` must be a {kind}. Received: {name!r}, a {received}. Try {DEFAULTS[kind]!r}; "
            "`keras-d3 pull` lists the others."
        )


def _how_to_get(name, cache, is_default):
    where = f"not in the cache `{os.fspath(cache.directory)}`"
    if is_default:
        return (
            f"No model is named, and the default {name!r} is {where}. Get it (keras-d3 pull {name}), or name "
            "one (--model MODEL)."
        )
    return f"The model {name!r} is {where}. Get it: keras-d3 pull {name}"
