import pytest

from keras_d3.settings import Stage


def test_poly_decay_of_the_papers():
    """lr(i) = (base - min) (1 - i / N) ** 0.9 + min, step by step."""
    stage = Stage(0.01, 8, 80, decay="poly", final_learning_rate=1e-4)
    for step, expected in (
        (0, 0.01),
        (1, 0.0099 * (1 - 1 / 40000) ** 0.9 + 1e-4),
        (20000, 0.0099 * 0.5**0.9 + 1e-4),
        (39999, 0.0099 * (1 / 40000) ** 0.9 + 1e-4),
    ):
        assert stage.learning_rate_at(step, 40000) == pytest.approx(expected, rel=1e-12)
    assert Stage(2.5e-4, 10, 40, decay="poly").learning_rate_at(10000, 20000) == pytest.approx(
        2.5e-4 * 0.5**0.9
    )
    assert Stage(1e-3, 8, 5).learning_rate_at(3, 5) == 1e-3


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"decay": "cosine"}, "`decay` must be one of 'none', 'poly'"),
        ({"final_learning_rate": 0.2}, r"`final_learning_rate` must be in \[0, learning_rate\]"),
        ({"decay_power": 0}, "`decay_power` must be positive"),
    ],
)
def test_refusals(settings, message):
    with pytest.raises(ValueError, match=message):
        Stage(0.1, 8, 1, **settings)
