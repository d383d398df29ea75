import pytest

from keras_d3.settings import StemFilesConfig


def test_names_of_files():
    assert StemFilesConfig().relative_path("album/song", "vocals") == "album/song/vocals.wav"
    config = StemFilesConfig("opus", name="{model}/{song} ({stem}).{ext}")
    assert config.relative_path("song", "bass", "d3net") == "d3net/song (bass).opus"
    assert config.folder_template == "{model}" and StemFilesConfig(name="{stem}").folder_template == ""
    # Names are not read as templates.
    assert StemFilesConfig().relative_path("{stem}", "bass") == "{stem}/bass.wav"


def test_what_becomes_of_samples_beyond_full_scale():
    assert StemFilesConfig().clip == StemFilesConfig("mp3").clip == "clamp"
    assert StemFilesConfig(subtype="FLOAT").clip == "none"
    assert StemFilesConfig("mp3", clip="none").clip == "none"


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"rest": "all"}, "`rest` must be one of 'residual', 'sum'"),
        ({"clip": "soft"}, "`clip` must be one of 'clamp', 'rescale', 'none'"),
        ({"clip": "none"}, "`clip` 'none' needs a format .* Write subtype FLOAT, or clip='rescale'"),
        ({"two_stems": "a", "residual": True}, "`stems` and `residual` do not go with it"),
        ({"two_stems": "a", "stems": ("a",)}, "`stems` and `residual` do not go with it"),
        ({"start_secs": -1}, "`start_secs` must be at least 0. Received: start_secs=-1"),
        ({"start_secs": float("inf")}, "`start_secs` must be at least 0. Received: start_secs=inf"),
        ({"duration_secs": 0}, "`duration_secs` must be above 0. Received: duration_secs=0"),
        ({"duration_secs": float("nan")}, "Received: duration_secs=nan. Leave it out for all of the song"),
        ({"name": "{song}"}, "`name` must hold {stem}"),
        ({"name": "{track}/{stem}"}, "`name` must be a template with {song}, {stem}, {model}, {ext}"),
        ({"name": "{stem.x}"}, "`name` must be a template"),
        ({"name": "{stem"}, "`name` must be a template"),
        ({"name": "../{stem}"}, "`name` must be a path below the output directory"),
        ({"name": "/tmp/{stem}"}, "`name` must be a path below the output directory"),
        ({"name": "a/./{stem}"}, "`name` must be a path below the output directory"),
        ({"name": "C:{stem}"}, "`name` must be a path below the output directory"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        StemFilesConfig(**settings)
