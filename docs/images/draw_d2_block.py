"""Draws docs/images/d2_block.png: what the last layer of a dense block sees through each of its sources.

    python docs/images/draw_d2_block.py

Source i of the block is the output of its layer i, source 0 the block's input. The layer reads source i with
3 x 3 taps. In a D2 block (Takahashi and Mitsufuji, 2021) the dilation is 2**i; standard dilation is one rate
for all sources, that of the last one.
"""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import ListedColormap  # noqa: E402

NUM_SOURCES, SIZE = 4, 33
UNSEEN, SEEN, TAP = 1, 2, 3
COLORS = ListedColormap(["#f3f4f8", "#e4572e", "#9fb4e8", "#27408b"])


def field(source, dilation):
    """Returns (SIZE, SIZE) codes of the inputs that 3 taps with `dilation` reach through `source`."""
    reach = 2**source - 1  # of the source itself, to each side: its own path has no gaps
    line = np.zeros(SIZE, bool)
    taps = SIZE // 2 + np.array([-dilation, 0, dilation])
    for tap in taps:
        line[tap - reach : tap + reach + 1] = True
    seen = np.outer(line, line)
    codes = np.zeros((SIZE, SIZE), int)
    inside = np.arange(taps[0] - reach, taps[-1] + reach + 1)
    codes[np.ix_(inside, inside)] = UNSEEN
    codes[seen] = SEEN
    codes[np.ix_(taps, taps)] = TAP
    return codes


def main():
    """Writes the picture beside this file."""
    figure, axes = plt.subplots(2, NUM_SOURCES, figsize=(9.2, 4.9), dpi=100)
    rows = (
        ("standard dilation", [2 ** (NUM_SOURCES - 1)] * NUM_SOURCES),
        ("multidilated (D2)", [2**source for source in range(NUM_SOURCES)]),
    )
    for row, (title, dilations) in zip(axes, rows, strict=True):
        for source, (axis, dilation) in enumerate(zip(row, dilations, strict=True)):
            axis.pcolormesh(
                field(source, dilation), cmap=COLORS, vmin=0, vmax=3, edgecolors="white", linewidth=0.4
            )
            axis.set_aspect("equal")
            axis.set(xticks=[], yticks=[])
            for spine in axis.spines.values():
                spine.set_visible(False)
            axis.set_title(f"source {source}, dilation {dilation}", fontsize=10)
        row[0].set_ylabel(title, fontsize=12, fontweight="bold", labelpad=8)
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLORS(code)) for code in (TAP, SEEN, UNSEEN)]
    labels = ["tap of the 3 x 3 kernel", "seen through the source", "never seen"]
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=10)
    figure.subplots_adjust(left=0.05, right=0.99, top=0.93, bottom=0.08, wspace=0.05, hspace=0.16)
    figure.savefig(Path(__file__).with_name("d2_block.png"))


if __name__ == "__main__":
    main()
