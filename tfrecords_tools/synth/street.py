"""Street-like scenes with the 19 classes of Cityscapes, and pixels of no class."""

import numpy as np

from keras_d3.images import CITYSCAPES, IGNORED_LABEL
from tfrecords_tools.synth.canvas import Canvas

CLASS = {name: number for number, name in enumerate(CITYSCAPES.names)}
# What stands on the street. Each scene has some of them in turns, so that a handful of scenes has all.
OBJECTS = (
    "car", "person", "bicycle", "truck", "traffic sign", "bus", "rider", "motorcycle", "train",
    "traffic light",
)  # fmt: skip
OBJECTS_PER_SCENE = 5


def street_scene(height, width, rng, number=0):
    """Draws a scene.

    Colors, textures, shapes and places belong to the classes, with variation: a small network learns most
    of them in minutes. Cars, trucks, buses and trains differ in shape and color; building, wall and fence
    are alike but for texture.

    Args:
        height, width: ints, pixels, at least 32 x 64.
        rng: `numpy.random.Generator`.
        number: int, the scene's number; chooses which objects it has.

    Returns:
        `(image, label)`: uint8 (height, width, 3) and uint8 (height, width), training ids.
    """
    canvas = Canvas(height, width, rng, CLASS["sky"], rng.integers((120, 165, 205), (160, 200, 245)))
    horizon = height * rng.uniform(0.38, 0.48)
    _background(canvas, horizon)
    _ground(canvas, horizon)
    places = np.linspace(0.12, 0.88, OBJECTS_PER_SCENE) + rng.uniform(-0.06, 0.06, OBJECTS_PER_SCENE)
    kinds = [OBJECTS[(3 * number + turn) % len(OBJECTS)] for turn in range(OBJECTS_PER_SCENE)]
    # What is nearer is larger, lower, and covers what is behind.
    depths = np.sort(rng.uniform(0.35, 1.0, OBJECTS_PER_SCENE))
    for place, kind, depth in zip(rng.permutation(places), rng.permutation(kinds), depths, strict=True):
        foot = horizon + (0.12 + 0.6 * depth) * (height - horizon)
        DRAW[str(kind)](canvas, place * width, foot, 0.55 * height * (0.35 + 0.65 * depth))
    _ego_vehicle(canvas)
    return canvas.pixels(noise=6.0, textures=TEXTURES), canvas.label


def _background(canvas, horizon):
    width, rng = canvas.width, canvas.rng
    left = 0.0
    while left < width:
        right = left + width * rng.uniform(0.10, 0.22)
        top = horizon * rng.uniform(0.1, 0.6)
        if rng.random() < 0.65:
            color = canvas.around((128, 112, 104), 22)
            canvas.shape("rectangle", [(left, top), (right, horizon + 3)], CLASS["building"], color)
            size = max(2, canvas.height // 32)
            for row in np.arange(top + size, horizon - size, 2.2 * size):
                for column in np.arange(left + size, right - size, 2.2 * size):
                    canvas.shape(
                        "rectangle",
                        [(column, row), (column + 0.9 * size, row + size)],
                        None,
                        np.array(color) * 0.55,
                    )
        else:
            middle, radius = (left + right) / 2, (right - left) / 2
            leaves = canvas.around((60, 110, 45), 14)
            for _ in range(5):
                x, y = middle + rng.normal(0, radius / 2), horizon - rng.uniform(0.1, 0.75) * (horizon - top)
                canvas.shape(
                    "ellipse",
                    [(x - radius * 0.7, y - radius * 0.8), (x + radius * 0.7, y + radius * 0.8)],
                    CLASS["vegetation"],
                    leaves,
                )
        left = right


def _ground(canvas, horizon):
    height, width, rng = canvas.height, canvas.width, canvas.rng
    vanish = width * rng.uniform(0.4, 0.6)
    canvas.shape(
        "rectangle", [(0, horizon), (width, height)], CLASS["terrain"], canvas.around((150, 205, 105))
    )
    for kind, color in (("wall", (150, 95, 80)), ("fence", (175, 165, 150))):
        left = rng.uniform(0, 0.75) * width
        high = height * rng.uniform(0.07, 0.12)
        canvas.shape(
            "rectangle",
            [(left, horizon - 0.4 * high), (left + width * rng.uniform(0.15, 0.3), horizon + 0.6 * high)],
            CLASS[kind],
            canvas.around(color, 12),
        )
    for kind, color, reach in (("sidewalk", (205, 165, 195), 0.75), ("road", (82, 78, 84), 0.5)):
        top, bottom = reach * 0.2 * width, reach * 1.1 * width
        canvas.shape(
            "polygon",
            [
                (vanish - top, horizon + 0.1 * (height - horizon)),
                (vanish + top, horizon + 0.1 * (height - horizon)),
                (vanish + bottom, height),
                (vanish - bottom, height),
            ],
            CLASS[kind],
            canvas.around(color, 10),
        )
    for _ in range(2):
        x, foot = rng.uniform(0.05, 0.95) * width, horizon + rng.uniform(0.1, 0.35) * (height - horizon)
        _pole(canvas, x, foot, height * rng.uniform(0.3, 0.5))


def _ego_vehicle(canvas):
    """The bonnet at the lower border and a strip at the sides: in no class, as in the data set."""
    height, width = canvas.height, canvas.width
    canvas.shape(
        "ellipse",
        [(0.15 * width, 0.94 * height), (0.85 * width, 1.2 * height)],
        IGNORED_LABEL,
        canvas.around((45, 45, 50), 10),
    )
    border = max(1, width // 128)
    for left in (0, width - border):
        canvas.shape("rectangle", [(left, 0), (left + border - 1, height)], IGNORED_LABEL, (0, 0, 0))


def _pole(canvas, x, foot, high):
    half = max(1.0, canvas.width / 160)
    box = [(x - half, foot - high), (x + half, foot)]
    canvas.shape("rectangle", box, CLASS["pole"], canvas.around((172, 172, 178), 8))


def _traffic_light(canvas, x, foot, size):
    _pole(canvas, x, foot, size)
    half = size * 0.11
    top = foot - size - 2 * half
    box = [(x - half, top), (x + half, top + 5 * half)]
    canvas.shape("rectangle", box, CLASS["traffic light"], canvas.around((58, 48, 22), 8))
    for turn, color in enumerate(((235, 50, 40), (240, 190, 40), (60, 220, 90))):
        y = top + half * (0.9 + 1.6 * turn)
        radius = half * 0.6
        canvas.shape("ellipse", [(x - radius, y - radius), (x + radius, y + radius)], None, color)


def _traffic_sign(canvas, x, foot, size):
    _pole(canvas, x, foot, size * 0.8)
    radius, y = size * 0.2, foot - size * 0.8
    box = [(x - radius, y - radius), (x + radius, y + radius)]
    canvas.shape("ellipse", box, CLASS["traffic sign"], canvas.around((235, 205, 40), 12))
    inner = [(x - radius * 0.5, y - radius * 0.5), (x + radius * 0.5, y + radius * 0.5)]
    canvas.shape("ellipse", inner, None, (250, 250, 245))


def _figure(canvas, x, foot, size, label, shirt):
    """Legs, body and head."""
    half = size * 0.11
    canvas.shape(
        "rectangle", [(x - half * 0.8, foot - size * 0.45), (x + half * 0.8, foot)], label, (70, 45, 60)
    )
    canvas.shape(
        "ellipse", [(x - half * 1.3, foot - size * 0.8), (x + half * 1.3, foot - size * 0.35)], label, shirt
    )
    top = foot - size
    canvas.shape("ellipse", [(x - half * 0.8, top), (x + half * 0.8, top + half * 2)], label, (225, 175, 140))


def _person(canvas, x, foot, size):
    _figure(canvas, x, foot, size * 0.7, CLASS["person"], canvas.around((205, 45, 70)))


def _two_wheels(canvas, x, foot, size, label, color, thick):
    radius = size * 0.17
    for center in (x - radius * 1.5, x + radius * 1.5):
        box = [(center - radius, foot - 2 * radius), (center + radius, foot)]
        canvas.shape("ellipse", box, label, np.array(color) * 0.5)
        inner = [(center - radius / 2, foot - 1.5 * radius), (center + radius / 2, foot - radius / 2)]
        canvas.shape("ellipse", inner, None, (150, 150, 150))
    canvas.line([(x - radius * 1.5, foot - radius), (x, foot - 2.2 * radius)], label, color, thick)
    canvas.line([(x, foot - 2.2 * radius), (x + radius * 1.5, foot - radius)], label, color, thick)
    canvas.line([(x - radius, foot - 2.2 * radius), (x + radius, foot - 2.2 * radius)], label, color, thick)


def _bicycle(canvas, x, foot, size):
    _two_wheels(canvas, x, foot, size, CLASS["bicycle"], canvas.around((170, 50, 35)), size * 0.05)


def _motorcycle(canvas, x, foot, size):
    _two_wheels(canvas, x, foot, size, CLASS["motorcycle"], canvas.around((40, 60, 225)), size * 0.16)


def _rider(canvas, x, foot, size):
    _bicycle(canvas, x, foot, size)
    _figure(canvas, x, foot - size * 0.2, size * 0.65, CLASS["rider"], canvas.around((250, 120, 20)))


def _vehicle(canvas, x, foot, size, label, color, long, high, glass):
    """A box with wheels; `glass`: (top, bottom) of its band of windows as parts of the height."""
    half = size * long / 2
    top = foot - size * high
    canvas.shape("rectangle", [(x - half, top), (x + half, foot - size * 0.06)], label, color)
    count = max(2, round(3 * long))
    for turn in range(count):
        left = x - half + (turn + 0.15) * 2 * half / count
        window = [
            (left, top + glass[0] * size * high),
            (left + 0.7 * 2 * half / count, top + glass[1] * size * high),
        ]
        canvas.shape("rectangle", window, None, (190, 215, 225))
    for side in (-0.65, 0.65):
        center, radius = x + side * half, size * 0.09
        wheel = [(center - radius, foot - 2 * radius), (center + radius, foot)]
        canvas.shape("ellipse", wheel, label, (25, 25, 28))


def _car(canvas, x, foot, size):
    color = canvas.around((25, 40, 150), 20)
    roof, half = foot - size * 0.46, size * 0.26
    canvas.shape(
        "polygon",
        [
            (x - half * 1.5, foot - size * 0.25),
            (x - half, roof),
            (x + half, roof),
            (x + half * 1.5, foot - size * 0.25),
        ],
        CLASS["car"],
        np.array(color) * 0.8,
    )
    _vehicle(canvas, x, foot, size, CLASS["car"], color, 0.95, 0.28, (0.1, 0.3))


def _truck(canvas, x, foot, size):
    _vehicle(
        canvas, x, foot, size, CLASS["truck"], canvas.around((235, 235, 225), 10), 1.1, 0.75, (0.0, 0.02)
    )
    cab = [(x + size * 0.4, foot - size * 0.5), (x + size * 0.7, foot - size * 0.06)]
    canvas.shape("rectangle", cab, CLASS["truck"], canvas.around((30, 130, 90), 12))


def _bus(canvas, x, foot, size):
    _vehicle(canvas, x, foot, size, CLASS["bus"], canvas.around((225, 150, 30), 12), 1.3, 0.7, (0.15, 0.45))


def _train(canvas, x, foot, size):
    _vehicle(canvas, x, foot, size, CLASS["train"], canvas.around((20, 150, 160), 12), 2.0, 0.6, (0.2, 0.5))


def _bricks(rows, columns, rng):
    shift = 4 * (rows // 3 % 2)
    return np.where((rows % 3 == 0) | ((columns + shift) % 8 == 0), 0.65, 1.0)


def _slats(rows, columns, rng):
    return np.where(columns % 4 < 2, 1.0, 0.45)


def _leaves(rows, columns, rng):
    return rng.uniform(0.6, 1.4, rows.shape)


def _grass(rows, columns, rng):
    return rng.uniform(0.85, 1.15, rows.shape)


TEXTURES = {
    CLASS["wall"]: _bricks,
    CLASS["fence"]: _slats,
    CLASS["vegetation"]: _leaves,
    CLASS["terrain"]: _grass,
}
DRAW = {
    "car": _car,
    "person": _person,
    "bicycle": _bicycle,
    "truck": _truck,
    "traffic sign": _traffic_sign,
    "bus": _bus,
    "rider": _rider,
    "motorcycle": _motorcycle,
    "train": _train,
    "traffic light": _traffic_light,
}
