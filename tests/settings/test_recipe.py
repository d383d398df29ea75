import dataclasses

import pytest

from keras_d3.models import preset_for, wave_u_net_lengths
from keras_d3.report import AGGREGATIONS
from keras_d3.settings import RunConfig
from keras_d3.training import build_network
from recipes.all_recipes import RECIPES as ALL_RECIPES

RECIPES = [recipe for recipe in ALL_RECIPES if recipe.entries[0].config.data.kind == "audio"]
CONFIGS = [(recipe, name) for recipe in RECIPES for name in recipe.configs]
IDS = [f"{recipe.name}-{name}" for recipe, name in CONFIGS]


@pytest.mark.parametrize("recipe, name", CONFIGS, ids=IDS)
def test_configs_fit_themselves(recipe, name):
    """Data, network and separator of a config speak of the same rate, sources and lengths."""
    config = recipe.config(name)
    assert (config.recipe, config.name) == (recipe.name, name)
    assert RunConfig.from_dict(config.to_dict()) == config
    separation = config.separation
    targets = config.data.sources if config.target == "all" else (None,)
    for target in targets:
        preset = preset_for(config.for_target(target))
        assert config.tiny or preset.sample_rate_hz == config.data.sample_rate_hz
        if config.is_spectrogram:
            frames = 1 + config.data.input_samples // separation.frame_step
            assert frames >= separation.patch_frames
            if not config.tiny:
                assert preset.stft["frame_length"] == separation.frame_length
                assert preset.stft["frame_step"] == separation.frame_step
            continue
        arguments = preset.merged_arguments(tiny=config.tiny, **config.model)
        assert tuple(arguments["sources"]) == config.data.sources
        if config.preset.startswith("wave_u_net"):
            lengths = wave_u_net_lengths(
                arguments["num_output_samples"], arguments["num_levels"], context=arguments["context"]
            )
            assert lengths == (config.data.input_samples, config.data.output_samples)


@pytest.mark.parametrize(
    "recipe, name",
    [pair for pair in CONFIGS if pair[1].startswith("tiny")],
    ids=[i for i in IDS if "tiny" in i],
)
def test_tiny_networks_fit_their_data(recipe, name):
    config = recipe.config(name)
    network = build_network(config.for_target("vocals") if config.is_spectrogram else config)
    if config.is_spectrogram:
        bins = config.separation.frame_length // 2 + 1
        assert network.input_shape == (None, None, bins, config.data.channels)
        return
    assert network.input_shape == (None, config.data.input_samples, config.data.channels)
    shapes = network.compute_output_shape(network.input_shape)
    assert set(shapes) == set(config.data.sources)
    if config.preset == "unet_spectrogram_l1":
        assert set(shapes.values()) == {(None, 16, 129, 1)}
        return
    assert {tuple(shape) for shape in shapes.values()} == {
        (None, config.data.output_samples, config.data.channels)
    }


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_recipes_name_what_they_have(recipe):
    named = {name for names in recipe.comparisons.values() for name in names}
    assert named <= set(recipe.configs)
    assert all(entry.display_name for entry in recipe.entries)
    tiny = {name for name, config in recipe.configs.items() if config.tiny}
    full_size = {entry.config.name: entry.full_size for entry in recipe.entries if entry.full_size}
    assert set(full_size) == tiny and not set(full_size.values()) & tiny
    for name in tiny:
        published = recipe.entry(full_size[name]).published
        assert [item.sdr_db for item in recipe.published_for(name)] == [item.sdr_db for item in published]
        assert all("full-size network" in item.data_set for item in recipe.published_for(name))
    assert "tiny" in recipe.comparisons
    for scores in (item for entry in recipe.entries for item in entry.published):
        assert scores.column in ("paper", "official weights")
        assert scores.aggregation in AGGREGATIONS
        assert scores.data_set and scores.reference


def test_overrides():
    recipe = RECIPES[0]
    config = recipe.config(
        "tiny",
        overrides=("training.seed=3", "training.stages.0.epochs=1", "model.filters=5", "data.mixture=sum"),
    )
    assert config.training.seed == 3
    assert config.training.stages[0].epochs == 1
    assert config.model == {"filters": 5}
    assert build_network(config).get_layer("down_1_conv").filters == 5


def test_another_source_list_reaches_data_network_and_separator():
    config = RECIPES[0].config("tiny", sources=("piano", "violin", "voice"))
    assert config.data.sources == ("piano", "violin", "voice")
    assert config.separation.sources == config.data.sources
    assert set(build_network(config).output_names) == {"piano", "violin", "voice"}


def test_a_target_without_a_preset_of_its_own_gets_that_of_other():
    recipe = next(recipe for recipe in RECIPES if recipe.name == "d3net_mss")
    config = recipe.config("official_code", sources=("guitar", "vocals"), target="guitar")
    assert preset_for(config).name == "d3net_other"
    assert preset_for(dataclasses.replace(config, target="vocals")).name == "d3net_vocals"
    assert config.separation.source_patches is None
    config = recipe.config("official_code", sources=("bass", "guitar"))
    assert config.separation.source_patches == {"bass": (384, 192)}


def test_d3net_is_trained_as_by_the_official_code():
    recipe = next(recipe for recipe in RECIPES if recipe.name == "d3net_mss")
    for name in ("official_code", "paper", "standard_dilation", "without_dilation"):
        training = recipe.config(name).training
        assert training.steps_of_epoch(100, 6) == 1066 and training.selection == "last"
        assert [(stage.learning_rate, stage.batch_size, stage.epochs) for stage in training.stages] == [
            (1e-3, 6, 40),
            (1e-4, 6, 10),
        ]
        assert (training.l2, training.epsilon, training.loss) == (1e-4, 1e-8, "mse")
    for config in recipe.configs.values():
        assert config.training.input_statistics
    ablations = {
        name: preset_for(recipe.config(name, target="bass")).arguments["dilation"]
        for name in ("paper", "standard_dilation", "without_dilation")
    }
    assert ablations == {
        "paper": "multidilated",
        "standard_dilation": "standard",
        "without_dilation": "none",
    }


def test_wave_u_nets_are_trained_as_by_the_authors():
    recipe = RECIPES[0]
    stages = {
        name: [(stage.learning_rate, stage.batch_size, stage.patience) for stage in config.training.stages]
        for name, config in recipe.configs.items()
        if not config.tiny
    }
    usual = [(1e-4, 16, 20), (1e-5, 32, 20)]
    assert stages == {
        **dict.fromkeys(("m1", "m2", "m3", "m4", "m5", "m6", "m5_high_sr"), usual),
        **dict.fromkeys(("m7", "u7", "u7a"), [(1e-4, 4, 20), (1e-5, 8, 20)]),
    }
    rates = {name: recipe.config(name).data.sample_rate_hz for name in ("m4", "m7", "m5_high_sr")}
    assert rates == {"m4": 22050, "m7": 8192, "m5_high_sr": 44100}
    for name in stages:
        config = recipe.config(name)
        assert config.training.steps_per_epoch == 2000
        assert config.training.loss == ("mae" if name == "u7a" else "mse")
        assert config.data.gain_range == (0.7, 1.0) and config.data.sources_from == "same_track"
        assert config.separation.overlap == 0
        assert config.separation.downmix == (config.data.channels == 1)


def test_studies_of_the_dilated_networks():
    recipe = next(recipe for recipe in RECIPES if recipe.name == "dilated_u_net")
    # (preset, blocks of dilation 512, epochs); their sizes are tested with the networks.
    wanted = {
        "wave_u_net": ("wave_u_net_m2", None, 80),
        "dilated_u_net": ("dilated_u_net", None, 80),
        "dilated_dense_u_net": ("dilated_dense_u_net", None, 80),
        "fig3a_dilation_512": ("dilated_u_net", 6, 30),
        "fig3a_adaptive": ("dilated_u_net", None, 30),
        "fig3b_plain_1_block": ("dilated_u_net", 1, 30),
        "fig3b_plain_3_blocks": ("dilated_u_net", 3, 30),
        "fig3b_dense_1_block": ("dilated_dense_u_net", 1, 30),
        "fig3b_dense_3_blocks": ("dilated_dense_u_net", 3, 30),
    }
    configs = {name: config for name, config in recipe.configs.items() if not config.tiny}
    for name, config in configs.items():
        (stage,) = config.training.stages
        assert (stage.learning_rate, stage.batch_size, stage.patience) == (1e-4, 16, None)
        assert config.data == configs["dilated_u_net"].data
        if name in wanted:
            preset, num_blocks, epochs = wanted.pop(name)
            assert (config.preset, stage.epochs) == (preset, epochs)
            rates = config.model.get("dilation_rates")
            assert rates == (None if num_blocks is None else [[512] * 3] * num_blocks)
    assert not wanted
    assert configs["fig3a_dilation_1"].model == {"dilation_rates": [[1] * 3] * 6}
    assert build_network(configs["wave_u_net"]).count_params() == 4_010_343


def test_the_length_of_an_epoch_is_changed_by_two_overrides():
    recipe = next(recipe for recipe in RECIPES if recipe.name == "d3net_mss")
    overrides = ("training.excerpts_per_track=null", "training.steps_per_epoch=5")
    assert recipe.config("paper", overrides=overrides).training.steps_of_epoch(100, 6) == 5
    with pytest.raises(ValueError, match="Exactly one of .*training.excerpts_per_track=null"):
        recipe.config("paper", overrides=overrides[1:])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "tinny"}, "`config` must be one of .*Received: config='tinny'. Did you mean 'tiny'?"),
        (
            {"overrides": ("training.sead=1",)},
            "Unknown config key 'training.sead'. Did you mean training.seed",
        ),
        ({"overrides": ("optimizer=adam",)}, "Unknown config key 'optimizer'.*Known keys: recipe"),
        (
            {"overrides": ("training.seed",)},
            "`set` must have the form key=value. Received: set='training.seed'",
        ),
        ({"overrides": ("training.loss=huber",)}, "`loss` must be one of 'mse', 'mae'"),
        ({"overrides": ("training.stages.9.epochs=1",)}, "Unknown config key 'training.stages.9.epochs'"),
        ({"target": "vocals"}, "`target` is for spectrogram networks"),
        ({"overrides": ("training.seed=one",)}, "`training.seed` must be an integer.*seed='one'"),
        ({"overrides": ("separation.overlap=0.95",)}, "`overlap` must be a fraction from 0 to 0.9"),
        ({"overrides": ("data.input_samples=100",)}, "`input_samples` must be at least `output_samples`"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RECIPES[0].config(**{"name": "tiny", **arguments})


@pytest.mark.parametrize(
    "override, message",
    [
        ("separation.patch_shift=100", "`patch_shift` must divide `patch_frames`"),
        ("separation.wiener_block_secs=-3", "`wiener_block_secs` must be a positive number"),
        ("separation.frame_length=1000", "`frame_step` must divide `frame_length`"),
        ("separation.frame_step=2048", "`separation.patch_frames` must be at most the frames of a training"),
        ("separation.wiener=yes", "`separation.wiener` must be true or false.*wiener='yes'"),
        ("separation.kind=mel", "`separation.kind` must be one of 'waveform', 'spectrogram'"),
        ("data.channels=1", "`flip_channels` must be False unless there are two channels"),
        ("separation=null", "`separation` must hold a separator's settings"),
    ],
)
def test_a_separator_that_cannot_be_is_refused_before_training(override, message):
    recipe = next(recipe for recipe in RECIPES if recipe.name == "d3net_mss")
    with pytest.raises(ValueError, match=message):
        recipe.config("official_code", overrides=(override,))


def test_facts_of_the_data_are_changed_once():
    config = RECIPES[0].config("m4", overrides=("data.sample_rate_hz=32000", "data.channels=1"))
    assert (config.separation.sample_rate_hz, config.separation.channels) == (32000, 1)
    with pytest.raises(ValueError, match="`separation.channels` must be that of the data"):
        dataclasses.replace(config, data=dataclasses.replace(config.data, channels=2))
