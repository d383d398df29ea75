"""Packages that only some commands need: imported when they are, with an error that says how to get them."""

import importlib


def optional_package(name, extra, needed_for):
    """Imports a package that belongs to an extra of keras-d3.

    Args:
        name: string, the module's name.
        extra: string, the extra in setup.cfg that installs it.
        needed_for: string, what it does here; begins the error.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: it is not installed.

    Example:

    >>> optional_package("json", "export", "Reading").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{needed_for} needs the package `{name}`, which does not load here ({error}). Install it: "
            f"pip install --constraint constraints.txt --editable '.[{extra}]'"
        ) from error
