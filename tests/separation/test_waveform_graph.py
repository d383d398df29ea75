import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3.models import WaveUNet
from keras_d3.separation import WaveformGraph
from keras_d3.separation.rebuild_network import with_long_windows
from keras_d3.separation.waveform_graph import crossfade_window
from tests.helpers.tiny_networks import SOURCES, noise, waveform_conv, waveform_identity, waveform_settings

LENGTHS = (1, 2, 63, 64, 65, 127, 128, 200, 1001)


def separate(graph, song):
    stems = graph.separate(tf.constant(song))
    return {source: stem.numpy() for source, stem in stems.items()}


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize(
    "input_samples,output_samples,overlap",
    [
        (64, 64, 0.0),
        (64, 64, 0.25),
        (64, 64, 0.5),
        (63, 63, 0.3),
        (64, 64, 0.9),
        (100, 64, 0.25),
        (101, 33, 0.0),
    ],
)
def test_identity_gives_back_every_song(input_samples, output_samples, overlap, padding):
    network = waveform_identity(input_samples, output_samples)
    settings = waveform_settings(overlap=overlap, padding=padding, windows_per_batch=3)
    graph = WaveformGraph(network, settings)
    for num_samples in LENGTHS:
        song = noise(num_samples)
        stems = separate(graph, song)
        np.testing.assert_allclose(stems["drums"], song, atol=1e-6)
        np.testing.assert_allclose(stems["vocals"], 0.5 * song, atol=1e-6)


def official_tiling(network, song, input_samples, output_samples, source):
    """The authors' loop: short songs filled up, outputs end to end, the last one over the one before."""
    num_samples, context = len(song), (input_samples - output_samples) // 2
    filled = np.pad(song, ((0, max(0, input_samples - num_samples)), (0, 0)))
    padded = np.pad(filled, ((context, context), (0, 0)))
    expected = np.zeros_like(filled)
    for start in range(0, len(filled), output_samples):
        start = min(start, len(filled) - output_samples)
        outputs = network(padded[None, start : start + input_samples])[source]
        expected[start : start + output_samples] = outputs[0]
    return expected[:num_samples]


@pytest.mark.parametrize("input_samples,output_samples", [(64, 64), (90, 64), (200, 64)])
def test_tiles_equal_the_authors_loop(input_samples, output_samples):
    network = waveform_conv(input_samples, output_samples)
    graph = WaveformGraph(network, waveform_settings(overlap=0.0, windows_per_batch=2))
    for num_samples in (1, 30, 40, 64, 65, 100, 137, 199, 300, 301):
        song = noise(num_samples)
        expected = official_tiling(network, song, input_samples, output_samples, "vocals")
        np.testing.assert_allclose(separate(graph, song)["vocals"], expected, atol=1e-6)


def context_network(num_output_samples):
    """A Wave-U-Net whose output, 4 (B - 4) + 4 samples, is a multiple of its bottleneck's step of 4."""
    sizes = {"num_levels": 2, "filters": 2, "kernel_size": 3, "up_kernel_size": 4}
    return WaveUNet(sources=SOURCES, channels=2, num_output_samples=num_output_samples, context=True, **sizes)


@pytest.mark.parametrize("padding,mode", [("zeros", "constant"), ("reflect", "reflect")])
def test_tiles_of_a_network_with_context_are_parts_of_the_whole(padding, mode):
    """One evaluation of the whole song gives what the tiles give: each has real context on both sides."""
    network, whole = context_network(20), context_network(20 * 6)
    whole.set_weights(network.get_weights())
    settings = waveform_settings(padding=padding, windows_per_batch=4)
    graph = WaveformGraph(network, settings)
    assert graph.output_samples == 20 and graph.input_samples > 20
    song = noise(120)
    surplus = whole.input_shape[1] - 120
    outputs = whole(np.pad(song, ((surplus // 2, surplus - surplus // 2), (0, 0)), mode=mode)[None])
    for source, stem in separate(graph, song).items():
        np.testing.assert_allclose(stem, outputs[source][0], atol=1e-5)


def test_crossfade_equals_loop():
    network = waveform_conv()
    graph = WaveformGraph(network, waveform_settings(overlap=0.25))
    fade = np.float64(crossfade_window(64, 48))[:, None]
    for num_samples in (1, 64, 65, 112, 113, 500):
        song = noise(num_samples)
        num_windows = 1 + max(0, -(-(num_samples - 64) // 48))
        length = 64 + 48 * (num_windows - 1)
        padded = np.pad(song, ((0, length - num_samples), (0, 0)))
        total, weights = np.zeros((length, 2)), np.zeros((length, 1))
        for start in range(0, length - 63, 48):
            total[start : start + 64] += fade * network(padded[None, start : start + 64])["drums"][0]
            weights[start : start + 64] += fade
        expected = (total / weights)[:num_samples]
        np.testing.assert_allclose(separate(graph, song)["drums"], expected, atol=1e-6)


@pytest.mark.parametrize("length,step", [(8, 8), (8, 6), (9, 5), (8, 2), (8, 1)])
def test_crossfade_window(length, step):
    window = crossfade_window(length, step)
    assert window.shape == (length,) and window.dtype == np.float32
    assert 0 < window.min() and window.max() <= 1
    np.testing.assert_array_equal(window, window[::-1])
    if 2 * step >= length:
        # Two windows meet and add up to one.
        np.testing.assert_allclose(window[step:] + window[: length - step], 1, atol=1e-6)


@pytest.mark.parametrize("input_samples,overlap", [(64, 0.0), (64, 0.25), (90, 0.0)])
def test_batches_leave_no_trace(input_samples, overlap):
    network, song = waveform_conv(input_samples), noise(777)
    graphs = [
        WaveformGraph(network, waveform_settings(overlap=overlap, windows_per_batch=count))
        for count in (1, 4, 50)
    ]
    first, *others = [separate(graph, song) for graph in graphs]
    for other in others:
        for source in first:
            np.testing.assert_allclose(other[source], first[source], atol=1e-6)


def test_context_network_is_always_tiled():
    graph = WaveformGraph(waveform_identity(90, 64), waveform_settings(overlap=0.5))
    assert graph.output_samples == 64 and graph.input_samples == 90
    assert graph.separate is graph.separate_fast


def test_clip_limits_the_estimates():
    song = noise(100, scale=3.0)
    stems = separate(WaveformGraph(waveform_identity(), waveform_settings(clip=True)), song)
    np.testing.assert_allclose(stems["drums"], np.clip(song, -1, 1), atol=1e-6)


def test_silence_is_silent_in_spite_of_a_bias():
    graph = WaveformGraph(waveform_conv(), waveform_settings())
    for num_samples in (1, 300):
        stems = separate(graph, np.zeros((num_samples, 2), "float32"))
        assert all(stem.shape == (num_samples, 2) and not stem.any() for stem in stems.values())


def test_progress_reaches_one():
    graph = WaveformGraph(waveform_identity(), waveform_settings())
    assert graph.progress.numpy() == 0
    stems = graph.separate(tf.constant(noise(300)))
    assert graph.progress.numpy() == 1
    np.testing.assert_allclose(stems["drums"], noise(300), atol=1e-6)


def test_a_single_output_needs_no_name():
    window = keras.Input((64, 1))
    network = keras.Model(window, keras.layers.Identity()(window))
    graph = WaveformGraph(network, waveform_settings(sources=("vocals",), channels=1))
    song = noise(100, 1)
    np.testing.assert_allclose(separate(graph, song)["vocals"], song, atol=1e-6)


def padded(input_samples, pad):
    """A network whose output is the window and `pad` zeros."""
    window = keras.Input((input_samples, 2))
    outputs = {source: keras.layers.ZeroPadding1D((0, pad))(window) for source in SOURCES}
    return keras.Model(window, outputs)


@pytest.mark.parametrize(
    "network,changes,message",
    [
        (
            lambda: waveform_identity(),
            {"sources": ("drums", "bass")},
            "`sources` must be the names of the network's outputs",
        ),
        (lambda: waveform_identity(channels=1), {}, "`channels` must be that of the network's input"),
        (lambda: padded(None, 0), {}, "The network must map .*Build it with fixed `input_samples`"),
        (lambda: padded(64, 1), {}, "centered in its input"),
    ],
)
def test_networks_that_do_not_fit(network, changes, message):
    with pytest.raises(ValueError, match=message):
        WaveformGraph(network(), waveform_settings(**changes))


def small_wave_u_net(num_output_samples=24, **changes):
    changes = {"num_levels": 3, "filters": 3, "kernel_size": 5, "channels": 2, "sources": SOURCES, **changes}
    return WaveUNet(num_output_samples=num_output_samples, context=True, **changes)


def test_long_windows_are_the_windows_that_begin_a_multiple_of_the_decimation_apart():
    network = small_wave_u_net()
    longer = with_long_windows(network)
    input_samples, output_samples = network.input_shape[1], network.output["vocals"].shape[1]
    (_, long_input, _), long_output = longer.input_shape, longer.output["vocals"].shape[1]
    assert long_output >= input_samples - output_samples and long_input <= 2 * long_output
    mixture = noise(long_input)[None]
    expected = longer(mixture)
    for start in range(0, long_output - output_samples, 2**3):
        part = network(mixture[:, start : start + input_samples])
        for source in SOURCES:
            np.testing.assert_allclose(
                part[source], expected[source][:, start : start + output_samples], atol=1e-6
            )


def test_fast_tiles_with_long_windows():
    network = small_wave_u_net()
    longer = with_long_windows(network)
    graph = WaveformGraph(network, waveform_settings(), longer)
    short, long = graph.window, graph.long_window
    assert long.output_samples > 2 * short.output_samples
    for num_samples in (1, 100, long.output_samples, 3 * long.output_samples + 7):
        song = noise(num_samples)
        stems = graph.separate_fast(tf.constant(song))
        expected = official_tiling(longer, song, long.input_samples, long.output_samples, "vocals")
        np.testing.assert_allclose(stems["vocals"], expected, atol=1e-6)
        expected = official_tiling(network, song, short.input_samples, short.output_samples, "vocals")
        np.testing.assert_allclose(separate(graph, song)["vocals"], expected, atol=1e-6)


def test_long_windows_read_the_same_variables():
    network = small_wave_u_net()
    graph = WaveformGraph(network, waveform_settings(), with_long_windows(network))
    weights = {id(variable) for variable in graph.network_variables}
    assert weights == {id(variable.value) for variable in network.variables}
    song = tf.constant(noise(500))
    before = graph.separate_fast(song)["vocals"].numpy()
    for variable in network.variables:
        variable.assign(0.5 * variable)
    assert np.max(np.abs(graph.separate_fast(song)["vocals"].numpy() - before)) > 1e-4


@pytest.mark.parametrize(
    "network",
    [
        waveform_identity(90, 64),
        WaveUNet(num_output_samples=64, num_levels=3, filters=2, channels=2),
        small_wave_u_net(num_output_samples=None),
        small_wave_u_net(num_output_samples=2000),
    ],
    ids=["no Wave-U-Net", "no context", "any length", "long already"],
)
def test_other_networks_have_no_long_windows(network):
    assert with_long_windows(network) is None
