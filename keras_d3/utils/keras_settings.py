"""Keras settings that another project left: `keras.json`, and the variable KERAS_BACKEND."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

# Keras' names of backends, each that of the package it needs.
BACKENDS = ("tensorflow", "jax", "torch", "openvino")


def settle_keras_settings() -> None:
    """Sees to it that Keras can be imported; does nothing if it is imported already.

    `keras.json` belongs to all projects of a user. If it asks for a backend that is not installed, such as
    that of a project in another environment, TensorFlow is taken, and a line on standard error says so.

    Raises:
        ValueError: KERAS_BACKEND asks for a backend that is not installed, or `keras.json` for what Keras
            refuses.
    """
    if "keras" in sys.modules:
        return
    asked = os.environ.get("KERAS_BACKEND")
    if asked and not _is_installed(asked):
        raise ValueError(
            "The environment variable KERAS_BACKEND must name an installed backend, one of "
            f"{', '.join(BACKENDS)}. Received: KERAS_BACKEND={asked!r}. Unset it, or set it to tensorflow."
        )
    path = keras_json()
    settings = _read(path)
    backend = settings.get("backend")
    if not asked and backend and not _is_installed(backend):
        os.environ["KERAS_BACKEND"] = "tensorflow"
        print(
            f"note: `{path}` asks for the Keras backend {backend!r}, which is not installed here; "
            "TensorFlow is used",
            file=sys.stderr,
        )


def keras_json() -> Path:
    """Returns the path of Keras' settings file, by Keras' own rule; it need not exist."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"]).expanduser() / "keras.json"
    home = os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else "/tmp") / ".keras" / "keras.json"


def _is_installed(backend: Any) -> bool:
    return backend == "tensorflow" or (
        backend in BACKENDS and importlib.util.find_spec(str(backend)) is not None
    )


def _read(path: Path) -> dict:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Keras goes on without it as well.
        return {}
    rules = {
        "floatx": ("float16", "float32", "float64"),
        "image_data_format": ("channels_last", "channels_first"),
    }
    if not isinstance(settings, dict):
        raise ValueError(f"Keras' settings `{path}` must be a JSON object. Correct or remove the file.")
    for name, choices in rules.items():
        if settings.get(name, choices[0]) not in choices:
            raise ValueError(
                f"Keras' settings `{path}` must have {name!r} among {', '.join(choices)}. "
                f"Received: {name}={settings[name]!r}. Correct or remove the file."
            )
    if not isinstance(settings.get("epsilon", 1e-7), float):
        raise ValueError(
            f"Keras' settings `{path}` must have a float as 'epsilon'. "
            f"Received: epsilon={settings['epsilon']!r}. Correct or remove the file."
        )
    return settings
