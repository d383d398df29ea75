import numpy as np
import pytest

from keras_d3.separation.output_stems import mix_part, output_stems
from keras_d3.settings import StemFilesConfig
from tests.helpers.tiny_networks import noise

SOURCES = ("bass", "drums", "vocals")
MIXTURE = noise(50, seed=9)
STEMS = {source: noise(50, seed=seed) for seed, source in enumerate(SOURCES)}
BASS, DRUMS, VOCALS = STEMS.values()


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, STEMS),
        ({"stems": ("vocals", "bass")}, {"bass": BASS, "vocals": VOCALS}),
        ({"residual": True}, {**STEMS, "residual": MIXTURE - BASS - DRUMS - VOCALS}),
        ({"stems": ("bass",), "residual": True}, {"bass": BASS, "residual": MIXTURE - BASS}),
        ({"two_stems": "drums"}, {"drums": DRUMS, "no_drums": MIXTURE - DRUMS}),
        ({"two_stems": "drums", "rest": "sum"}, {"drums": DRUMS, "no_drums": BASS + VOCALS}),
    ],
)
def test_written_stems(settings, expected):
    outputs = output_stems(SOURCES, StemFilesConfig(**settings))
    assert [output.name for output in outputs] == list(expected)
    mixed = mix_part(outputs, lambda num_samples: MIXTURE[:num_samples], iter(STEMS.items()))
    found = {output.name: audio for output, audio in mixed}
    assert set(found) == set(expected)
    for name, audio in expected.items():
        np.testing.assert_allclose(found[name], audio, atol=1e-6)
    assert set(STEMS) == set(SOURCES) and STEMS["bass"] is BASS


def test_the_mixture_is_asked_for_only_where_it_is_needed():
    def take(num_samples):
        raise AssertionError

    outputs = output_stems(SOURCES, StemFilesConfig(two_stems="bass", rest="sum"))
    assert len(list(mix_part(outputs, take, iter(STEMS.items())))) == 2


def test_choices_that_the_model_does_not_have():
    with pytest.raises(ValueError, match="`stems` must be among the model's sources.* Received: piano"):
        output_stems(SOURCES, StemFilesConfig(stems=("bass", "piano")))
    with pytest.raises(ValueError, match="`two_stems` must be among .* Received: Vocals"):
        output_stems(SOURCES, StemFilesConfig(two_stems="Vocals"))
    with pytest.raises(ValueError, match="this model has 'vocals' alone. Take rest='residual'"):
        output_stems(("vocals",), StemFilesConfig(two_stems="vocals", rest="sum"))
    with pytest.raises(ValueError, match="Stems must have different names. Received: .*'residual'"):
        output_stems(("vocals", "residual"), StemFilesConfig(residual=True))
