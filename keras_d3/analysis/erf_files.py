"""Receptive fields as files: pictures, numbers, maps."""

from pathlib import Path

import numpy as np

from keras_d3.analysis.heat_map import MAX_PIXELS, common_window, cut_out, heat_map, save_figure, save_png
from keras_d3.utils import atomic_path, write_json


def write_field(directory, name, field, settings, max_pixels=MAX_PIXELS):
    """Writes one field: `<name>.png` (the bounding box, enlarged 10 times), `.npy` (the map), `.json`.

    Args:
        directory: str or Path, created if missing.
        name: str, stem of the file names.
        field: `EffectiveReceptiveField`.
        settings: JSON-ready dict, what was measured and how.
        max_pixels: int, see `heat_map`.

    Returns:
        List of `pathlib.Path`s.

    Raises:
        ValueError: all values of the map are zero.
    """
    picture, values, numbers = (Path(directory) / f"{name}.{kind}" for kind in ("png", "npy", "json"))
    save_png(picture, heat_map(cut_out(field, common_window([field])), max_pixels=max_pixels))
    with atomic_path(values) as temporary:
        np.save(temporary, field.map)
    write_json(numbers, {"settings": settings, **field.to_dict()})
    return [picture, values, numbers]


def write_figure(directory, name, fields, settings, max_pixels=MAX_PIXELS):
    """Writes fields side by side, `<name>.png`, and their numbers, `<name>.json`.

    The panels of a row show the same part of the plane, so that sizes can be compared.

    Args:
        directory, name, settings, max_pixels: as in `write_field`; `max_pixels` is that of a panel.
        fields: dict of row title to dict of label to `EffectiveReceptiveField`.

    Returns:
        List of `pathlib.Path`s.

    Raises:
        ValueError: all values of a map are zero.
    """
    rows = []
    for title, row in fields.items():
        window = common_window(list(row.values()))
        rows.append(
            [
                (
                    f"{title}\n{label}\nzeros in the box: {field.zero_fraction:.1%}",
                    heat_map(cut_out(field, window), max_pixels=max_pixels),
                )
                for label, field in row.items()
            ]
        )
    picture, numbers = (Path(directory) / f"{name}.{kind}" for kind in ("png", "json"))
    save_figure(picture, rows)
    found = {t: {label: field.to_dict() for label, field in row.items()} for t, row in fields.items()}
    write_json(numbers, {"settings": settings, "fields": found})
    return [picture, numbers]


def format_fields(fields):
    """Returns the numbers of `{label: EffectiveReceptiveField}` as a Markdown table."""
    lines = [
        "| | theoretical field | bounding box | zeros in it | off the lattice | radius of 50 / 90 / 99 % |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for label, field in fields.items():
        box = None if field.bounding_box is None else [last - first + 1 for first, last in field.bounding_box]
        radii = (
            None if field.radii is None else " / ".join(f"{radius:.4g}" for radius in field.radii.values())
        )
        cells = (
            _product(field.theoretical),
            _product(box),
            _percent(field.zero_fraction),
            _percent(field.off_lattice_energy),
            radii or "",
        )
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _product(sizes):
    return "" if sizes is None else " x ".join(f"{size:,}" for size in sizes)


def _percent(share):
    return "" if share is None else f"{100 * share:.1f} %"
