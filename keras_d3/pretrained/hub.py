"""SavedModels on the Hugging Face Hub, under the addresses that Keras has for its own files: `hf://user/name`."""

import re
from pathlib import Path

import keras_d3
from keras_d3.utils import optional_package

HUB_PREFIX = "hf://"
_ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w./-]+))?/?")


def hub_directory(address: str) -> Path:
    """Returns the local copy of a repository of the Hub; the package huggingface_hub fetches and keeps it.

    Args:
        address: str, `hf://user/name`, or `hf://user/name@revision` for a branch, tag or commit.

    Raises:
        ValueError: it is no such address.
        ModuleNotFoundError: huggingface_hub is not installed.
        ConnectionError: the Hub does not give it.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(
            f"`model` must have the form hf://user/name or hf://user/name@revision. Received: {address!r}."
        )
    hub = optional_package("huggingface_hub", "hub", "hf://")
    try:
        return Path(
            hub.snapshot_download(
                repo_id=match["repository"],
                revision=match["revision"],
                library_name="keras-d3",
                library_version=keras_d3.__version__,
            )
        )
    # Of the package, of its HTTP client and of the system, without a class in common.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConnectionError(f"`{address}` could not be fetched from the Hub: {reason}") from error
