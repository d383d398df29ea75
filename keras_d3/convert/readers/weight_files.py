"""Files of published weights by target."""

from pathlib import Path

import h5py


def find_weight_files(path, targets):
    """Returns the file of every target's weights.

    Args:
        path: a directory with `<target>.h5` for every target; or one with a single `.h5` file that has a
            root scope for every target (the authors' first release, `d3net-mss.h5`); or such a file.
        targets: sequence of strings.

    Returns:
        dict of `target: pathlib.Path`.

    Raises:
        FileNotFoundError: nothing at `path`, files of some targets are missing, or there is no weight
            file at all.
        ValueError: no file, or more than one, has the scopes of all targets.
    """
    path = Path(path)
    if path.is_file():
        return dict.fromkeys(targets, _with_all_scopes(path, [path], targets))
    if not path.is_dir():
        raise FileNotFoundError(f"No weights at `{path}`: no directory and no file is there.")
    files = {target: path / f"{target}.h5" for target in targets}
    missing = [target for target in targets if not files[target].is_file()]
    if not missing:
        return files
    others = sorted(path.glob("*.h5"))
    if len(missing) < len(targets) or not others:
        raise FileNotFoundError(
            f"Weight files are missing in `{path}`: {', '.join(f'{target}.h5' for target in missing)}. "
            f"Received: {', '.join(file.name for file in others) or 'no .h5 file'}. Add them, or name the "
            "sources that are there (`--sources`)."
        )
    return dict.fromkeys(targets, _with_all_scopes(path, others, targets))


def _with_all_scopes(where, files, targets):
    """The one of `files` that has a root scope per target."""
    scopes = {file: _root_scopes(file) for file in files}
    fitting = [file for file in files if set(targets) <= set(scopes[file])]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(f"{file.name} with {', '.join(names) or 'none'}" for file, names in scopes.items())
    raise ValueError(
        f"One file at `{where}` must have the root scopes {', '.join(targets)}, or every target its own file "
        f"<target>.h5. Received: {listed}. Keep one such file there, or name the sources that are there "
        "(`--sources`)."
    )


def _root_scopes(path):
    try:
        with h5py.File(path, "r") as file:
            return list(file)
    except Exception as error:  # a damaged file makes h5py raise nearly anything
        raise ValueError(f"`{path}` must be an HDF5 file ({error}). Get it again.") from error
