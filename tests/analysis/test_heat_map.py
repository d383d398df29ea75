import json

import numpy as np
import pytest
from PIL import Image

from keras_d3.analysis import EffectiveReceptiveField
from keras_d3.analysis.erf_files import format_fields, write_field, write_figure
from keras_d3.analysis.heat_map import DARKEST, common_window, cut_out, gray_levels, heat_map


def field(values, position, **fields):
    return EffectiveReceptiveField(np.asarray(values, "float64"), position, 1, **fields)


def test_black_is_exactly_zero():
    values = np.concatenate([[0.0], 10.0 ** np.arange(-300, 1)])
    levels = gray_levels(values)
    assert levels[0] == 0 and levels[1:].min() == DARKEST > 0 and levels[-1] == 255
    assert levels[-4] == round(DARKEST + (255 - DARKEST) / 2)  # three of six decades
    assert np.all(np.diff(levels[-7:].astype(int)) > 0)
    assert not gray_levels(np.zeros(3)).any()


def test_a_written_map_has_squares_of_ten_pixels(tmp_path):
    values = np.zeros((7, 9))
    values[2, 3], values[2, 5], values[4, 5] = 1.0, 1e-9, 0.1
    paths = write_field(tmp_path, "map", field(values, (3, 4), lattice_rate=(1, 1)), {"seed": 0})
    assert [path.name for path in paths] == ["map.png", "map.npy", "map.json"]
    pixels = np.asarray(Image.open(paths[0]))
    # The bounding box, rows 2 to 4 and columns 3 to 5, and one more position around it.
    assert pixels.shape == (50, 50) and pixels.dtype == np.uint8
    squares = pixels.reshape(5, 10, 5, 10).transpose(0, 2, 1, 3).reshape(5, 5, 100)
    assert np.all(squares == squares[..., :1])
    assert np.array_equal(squares[..., 0] == 0, values[1:6, 2:7] == 0)
    assert np.array_equal(np.load(paths[1]), values)
    numbers = json.loads(paths[2].read_text())
    assert numbers["settings"] == {"seed": 0} and numbers["zero_fraction_in_bounding_box"] == 6 / 9


def test_large_maps_are_enlarged_less():
    assert heat_map(np.ones((30, 20)), max_pixels=100).shape == (90, 60)
    assert heat_map(np.ones((30, 20)), max_pixels=20).shape == (30, 20)
    with pytest.raises(ValueError, match="`enlarge` must be an integer of at least 1"):
        heat_map(np.ones((2, 2)), enlarge=0)
    with pytest.raises(ValueError, match="`max_pixels` must be an integer of at least 1"):
        heat_map(np.ones((2, 2)), max_pixels=0)


def test_sequences_are_a_curve_above_a_strip():
    picture = heat_map(np.array([0, 1.0, 1e-3]), enlarge=2)
    strip, curve = picture[-20:], picture[:-24]
    assert np.all(strip == [0, 0, 255, 255, 156, 156])
    assert np.all((curve == 255).sum(axis=0) == [0, 0, 160, 160, 98, 98])
    assert np.all(curve[-1, 2:] == 255)  # bars stand on the strip
    # Eleven values in five columns of three: what is not zero stays visible.
    pooled = heat_map(np.eye(1, 11, 7)[0], max_pixels=5)
    assert pooled[-1].tolist() == [0, 0, 255, 0]


def test_panels_of_a_row_show_the_same_window(tmp_path):
    small, large = np.zeros((3, 3)), np.ones((5, 8))
    small[1, 1] = 1
    row = {"small": field(small, (1, 1)), "large": field(large, (4, 2))}
    window = common_window(list(row.values()))
    assert window == [(-5, 1), (-3, 6)]
    cut = cut_out(row["small"], window)
    assert cut.shape == (7, 10) and cut[5, 3] == 1 and cut.sum() == 1
    assert cut_out(row["large"], window)[1:6, 1:9].sum() == 40
    picture, numbers = write_figure(tmp_path, "both", {"part": row}, {"seed": 1}, max_pixels=30)
    page = np.asarray(Image.open(picture))
    assert page[0, 0] == 255 and (page == 0).sum() >= (7 * 10 - 1) * 9 + (7 * 10 - 40) * 9
    found = json.loads(numbers.read_text())["fields"]["part"]
    assert found["large"]["bounding_box"] == [[0, 4], [0, 7]]
    with pytest.raises(ValueError, match="without any value other than 0"):
        common_window([field(np.zeros(3), (1,))])


def test_numbers_as_a_table():
    fields = {
        "dots": field([1, 0, 2, 0, 1.0], (2,), theoretical=(1005,), lattice_rate=(2,)),
        "nothing": field([0, 0.0], (1,)),
    }
    assert format_fields(fields).splitlines()[2:] == [
        "| dots | 1,005 | 5 | 40.0 % | 0.0 % | 0 / 2 / 2 |",
        "| nothing |  |  |  |  |  |",
    ]
