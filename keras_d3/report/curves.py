"""Training curves as inline SVG, colored by the page's style sheet."""

import html
import math

_WIDTH, _HEIGHT = 320, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 34


def curves_svg(name, curves):
    """Draws loss (thin, dashed) and validation loss (solid) over the epochs of one architecture.

    Args:
        name: str, the architecture, for the accessible label.
        curves: dict of label to list of dicts with "epoch", "loss" and "val_loss".

    Returns:
        str, an `<svg>` element; "" without any loss. Line k has the class `line-k`; losses that are None
        or not finite leave a gap.
    """
    epochs = [point["epoch"] for points in curves.values() for point in points]
    losses = [
        point[key]
        for points in curves.values()
        for point in points
        for key in ("loss", "val_loss")
        if _is_number(point.get(key))
    ]
    if not losses:
        return ""
    x_low, x_high = min(epochs), max(epochs)
    y_ticks = _ticks(min(losses), max(losses))
    # Losses that fall by more than a factor of ten are drawn on a log axis.
    log = min(losses) > 0 and max(losses) / min(losses) > 10
    if log:
        y_ticks = _log_ticks(min(losses), max(losses))
    y_low, y_high = min(y_ticks[0], min(losses)), max(y_ticks[-1], max(losses))

    def x(epoch):
        share = 0.5 if x_high == x_low else (epoch - x_low) / (x_high - x_low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(loss):
        if log:
            share = math.log(loss / y_low) / math.log(y_high / y_low)
        else:
            share = 0.5 if y_high == y_low else (loss - y_low) / (y_high - y_low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in y_ticks:
        level = y(tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {level:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{level + 3.5:.1f}" text-anchor="end">{tick:.3g}</text>')
    for epoch in _epoch_ticks(x_low, x_high):
        parts.append(f'<text x="{x(epoch):.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{epoch}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">epoch</text>')
    for index, points in enumerate(curves.values()):
        for key, kind in (("loss", "train"), ("val_loss", "validation")):
            path = _path([(p["epoch"], p.get(key)) for p in points], x, y)
            if path:
                parts.append(f'<path class="{kind} line-{index % 8}" d="{path}"/>')
    summary = "; ".join(filter(None, (_summary(label, points) for label, points in curves.items())))
    label = html.escape(f"Loss over epochs of {name}. {summary}", quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _is_number(value):
    return value is not None and math.isfinite(value)


def _path(points, x, y):
    steps, pen_down, drawn = [], False, 0
    for epoch, loss in points:
        if not _is_number(loss):
            pen_down = False
            continue
        steps.append(f"{'L' if pen_down else 'M'}{x(epoch):.1f} {y(loss):.1f}")
        pen_down, drawn = True, drawn + 1
    # A single epoch is a dot: a line of no length with round ends.
    return "".join(steps) + ("h.01" if drawn == 1 else "")


def _summary(label, points):
    values = [point.get("val_loss") for point in points if _is_number(point.get("val_loss"))]
    if not values:
        return ""
    return f"{label + ': ' if label else ''}best validation loss {min(values):.4g} of {len(values)} epochs"


def _ticks(low, high, count=4):
    if high == low:
        return [low]
    raw = (high - low) / count
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, last + 1)]


def _log_ticks(low, high):
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, (last - first) // 5)
    return [10.0**exponent for exponent in range(first, last + 1, stride)]


def _epoch_ticks(low, high):
    stride = max(1, math.ceil((high - low) / 6))
    return range(low, high + 1, stride)
