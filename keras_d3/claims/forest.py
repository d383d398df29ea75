"""The forest plot: effects, intervals and published effects of every comparison, as inline SVG."""

import math
from collections.abc import Sequence

from keras_d3.claims.results import FAILS, NOT_COMPARABLE, ContrastResult
from keras_d3.claims.statistics import HOLDS, REVERSED, UNDECIDED
from keras_d3.claims.tables import signed
from keras_d3.report import escape
from keras_d3.settings import UNTRAINED

WIDTH, LINE, TOP, BOTTOM = 1120, 40, 46, 34
# Left and right end of the plot of this package's runs, and of the paper's.
HERE, PAPER = (430, 800), (960, 1100)
CLASSES = {HOLDS: "holds", REVERSED: "reversed", UNDECIDED: "undecided", FAILS: "reversed"}
RULES = """
.forest text { font-size: 13px; fill: var(--ink); }
.forest .soft { fill: var(--soft); font-size: 11.5px; }
.forest .rule { stroke: var(--rule); stroke-width: 1; }
.forest .zero { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.forest .span { stroke: currentColor; stroke-width: 2.5; stroke-linecap: round; }
.forest .dot { fill: currentColor; }
.forest .hollow { fill: var(--panel); stroke: var(--ink); stroke-width: 1.6; }
.forest { margin-bottom: 1.2rem; }
.forest svg { display: block; min-width: 62rem; width: 100%; height: auto; }
.holds { color: var(--line-3); } .reversed { color: var(--line-2); } .undecided { color: var(--line-7); }
.verdicts { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin: 0 0 0.8rem; font-size: 0.9rem; }
.verdicts b { font-weight: 600; }
"""


def forest_svg(unit: str, results: Sequence[ContrastResult]) -> str:
    """Draws the comparisons of one unit, each on a line of its own.

    Dots and bars are effects and intervals, in the color of the verdict; hollow marks, on a scale of their
    own, are the effects that the papers' numbers give. The dashed line is what an effect must be above.

    Args:
        unit: str, of the effects.
        results: sequence of `ContrastResult`.

    Returns:
        str, an `<svg>` element.
    """
    height = TOP + LINE * len(results) + BOTTOM
    here = _Scale(HERE, [value for result in results for value in _ends(result)])
    paper = _Scale(PAPER, [result.published for result in results if result.published is not None])
    parts = [_heading(unit, paper.is_used)]
    for scale in (here, paper):
        parts += scale.axis(height) if scale.is_used else []
    for number, result in enumerate(results):
        parts.append(_line(result, TOP + LINE * number, here, paper))
    label = escape(f"Effects in {unit}: " + "; ".join(map(in_words, results)))
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def in_words(result: ContrastResult) -> str:
    """Returns a result as a short text."""
    effect = result.effect
    if effect is None:
        return f"{result.contrast.label}: {result.verdict}"
    interval = "" if effect.low is None else f" ({effect.low:+.2f} to {effect.high:+.2f})"
    return f"{result.contrast.label}: {effect.mean:+.2f}{interval}, {result.verdict}"


class _Scale:
    """Values on a stretch of the picture; 0 is always on it."""

    def __init__(self, ends, values):
        self._left, self._right = ends
        self.is_used = bool(values)
        self._low, self._high = min([0.0, *values]), max([0.0, *values])
        room = 0.06 * ((self._high - self._low) or 1.0)
        self._low, self._high = self._low - room, self._high + room

    def x(self, value):
        share = (value - self._low) / (self._high - self._low)
        return self._left + share * (self._right - self._left)

    def axis(self, height):
        count = 5 if self._right - self._left > 200 else 2
        bottom = height - BOTTOM + 4
        parts = [f'<path class="rule" d="M{self._left} {bottom}H{self._right}"/>']
        parts.append(f'<path class="zero" d="M{self.x(0):.1f} {TOP - 8}V{bottom}"/>')
        for tick in _ticks(self._low, self._high, count):
            parts.append(
                f'<text class="soft" x="{self.x(tick):.1f}" y="{bottom + 16}" text-anchor="middle">'
                f"{tick:g}</text>"
            )
        return parts


def _heading(unit, has_paper):
    titles = [(sum(HERE) / 2, f"these runs, {unit}, 95 % interval")]
    titles += [(sum(PAPER) / 2, f"paper, {unit}")] if has_paper else []
    return "".join(
        f'<text class="soft" x="{x:.0f}" y="18" text-anchor="middle">{escape(title)}</text>'
        for x, title in titles
    )


def _line(result, top, here, paper):
    middle = top + 14
    parts = [
        f'<text x="8" y="{top + 12}">{escape(_short(result.contrast.label, 56))}</text>',
        f'<text class="soft" x="8" y="{top + 27}">{escape(_short(_origin(result), 66))}</text>',
    ]
    effect = result.effect
    kind = CLASSES.get(result.verdict, "undecided")
    if effect is None:
        parts.append(f'<text class="soft" x="{HERE[0]}" y="{middle + 4}">{escape(result.verdict)}</text>')
    else:
        marks = ""
        if effect.low is not None and effect.high is not None:
            ends = (here.x(effect.low), here.x(effect.high))
            marks += f'<path class="span" d="M{ends[0]:.1f} {middle}H{ends[1]:.1f}"/>'
        marks += f'<circle class="dot" cx="{here.x(effect.mean):.1f}" cy="{middle}" r="5"/>'
        if result.contrast.margin:
            place = here.x(-result.contrast.margin)
            marks += f'<path class="zero" d="M{place:.1f} {middle - 9}v18"/>'
        parts.append(f'<g class="{kind}">{marks}</g>')
        seeds = signed(effect.mean)
        if result.named.claim.metric not in UNTRAINED:
            seeds += f", {effect.num_seeds} seed{'' if effect.num_seeds == 1 else 's'}"
        parts.append(f'<text x="{HERE[1] + 14}" y="{middle - 1}">{escape(seeds)}</text>')
        parts.append(
            f'<text class="soft" x="{HERE[1] + 14}" y="{middle + 13}">{escape(result.verdict)}</text>'
        )
    if result.published is not None:
        x = paper.x(result.published)
        parts.append(f'<circle class="hollow" cx="{x:.1f}" cy="{middle}" r="5"/>')
    return "".join(parts)


def _origin(result):
    scale = "" if result.scale == "small" else ", paper's size"
    return f"{result.named.name}, {result.named.claim.place}{scale}"


def _short(text, length):
    return text if len(text) <= length else f"{text[: length - 1]}\u2026"


def _ends(result):
    effect = result.effect
    if effect is None or result.verdict == NOT_COMPARABLE:
        return []
    return [
        value
        for value in (effect.mean, effect.low, effect.high, -result.contrast.margin)
        if value is not None
    ]


def _ticks(low, high, count):
    raw = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(index * step, 12) for index in range(first, last + 1)]
