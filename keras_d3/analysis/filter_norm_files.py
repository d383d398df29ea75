"""Norms of a decoder's filters as a picture and as JSON."""

from pathlib import Path

from keras_d3.analysis.block_norms import VIEWS
from keras_d3.utils import atomic_path, optional_package, write_json

_BARS = (("upsampled", "up-sampled maps", "#d95f02"), ("skip", "skip maps", "#1b6ca8"))
_TITLES = {"all_layers": "all layers that read the block's input", "first_layer": "the first layer alone"}


def plot_filter_norms(path, blocks, title=""):
    """Draws the mean norms of every block as pairs of bars: a column of panels per band, a row per view.

    Args:
        path: str or Path of the PNG file.
        blocks: list of `BlockNorms`, from `filter_norms`.
        title: str above the picture.
    """
    Figure = optional_package("matplotlib.figure", "evaluation", "The figure of filter norms").Figure

    bands = list(dict.fromkeys(block.band for block in blocks))
    widths = [sum(block.band == band for block in blocks) for band in bands]
    figure = Figure(figsize=(2.2 + 0.85 * sum(widths) + 0.4 * len(bands), 6.4), layout="constrained")
    rows = figure.subplots(2, len(bands), squeeze=False, sharey="row", width_ratios=widths)
    for view, row in zip(VIEWS, rows, strict=True):
        for band, panel in zip(bands, row, strict=True):
            chosen = [block for block in blocks if block.band == band]
            for offset, (maps, label, color) in zip((-0.2, 0.2), _BARS, strict=True):
                heights = [block.mean(view, maps) for block in chosen]
                places = [place + offset for place in range(len(chosen))]
                panel.bar(places, heights, 0.38, label=label, color=color)
            panel.set_xticks(range(len(chosen)), [block.block for block in chosen])
            panel.set_xlim(-0.6, len(chosen) - 0.4)
            panel.set_title(band or "network", fontsize=10)
            panel.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"mean L2 norm per map,\n{_TITLES[view]}", fontsize=9)
    handles, labels = rows[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(title, fontsize=11)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)


def write_filter_norms(directory, name, blocks, about):
    """Writes `<name>.json` (means and the norm of every map) and `<name>.png`.

    Args:
        directory: str or Path, created if missing.
        name: str, stem of the file names.
        blocks: list of `BlockNorms`, from `filter_norms`.
        about: JSON-ready dict that describes the network; its values are the picture's title.

    Returns:
        List of the two `pathlib.Path`s.
    """
    values, picture = Path(directory) / f"{name}.json", Path(directory) / f"{name}.png"
    write_json(values, {**about, "blocks": [block.to_dict() for block in blocks]})
    plot_filter_norms(picture, blocks, ", ".join(str(value) for value in about.values() if value))
    return [values, picture]
