"""Dense, D2 and D3 blocks: equality with NumPy and pair by pair, counts, saving, errors."""

import keras
import numpy as np
import pytest

from keras_d3.blocks import D2Block, D3Block, DenseBlock
from tests.blocks.pairwise_blocks import PairwiseDenseBlock
from tests.helpers.block_reference import d3_block, dense_block, randomize
from tests.helpers.layer_checks import check_layer, random_inputs, to_numpy

SHAPE = (2, 11, 9, 5)
DILATIONS = ("none", "standard", "multidilated")


def built(block, shape=SHAPE):
    block.build(shape)
    randomize(block)
    return block


@pytest.mark.parametrize(
    "dilation, block_class, norm",
    [
        (dilation, block_class, norm)
        for dilation in DILATIONS
        for block_class, norm in (
            (DenseBlock, "source"),
            (PairwiseDenseBlock, "source"),
            (DenseBlock, "layer"),
        )
    ],
)
def test_dense_block_equals_numpy(dilation, block_class, norm):
    block = built(block_class(3, 4, (3, 2), dilation=dilation, norm=norm))
    inputs = random_inputs(SHAPE)
    np.testing.assert_allclose(to_numpy(block(inputs)), dense_block(block, inputs), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("norm", ["source", "layer"])
@pytest.mark.parametrize(
    "arguments, channels",
    [
        ({"output_layers": 2}, 6),
        ({"output_layers": "all"}, 14),
        ({"bottleneck_filters": 4, "output_layers": "all"}, 13),
        ({"bottleneck_filters": 5, "output_layers": 3, "compression": 0.45}, 4),
    ],
)
def test_outputs_bottleneck_and_compression_equal_numpy(norm, arguments, channels):
    block = built(D2Block(3, 3, norm=norm, **arguments))
    inputs = random_inputs(SHAPE)
    outputs = to_numpy(block(inputs))
    assert outputs.shape[-1] == channels == block.compute_output_shape(SHAPE)[-1]
    np.testing.assert_allclose(outputs, dense_block(block, inputs), atol=1e-4, rtol=1e-4)


def test_bottleneck_only_where_the_input_is_wider():
    assert built(DenseBlock(3, 2, bottleneck_filters=4)).bottleneck is not None
    assert built(DenseBlock(3, 2, bottleneck_filters=5)).bottleneck is None


@pytest.mark.parametrize("dilation", DILATIONS)
def test_fused_and_pairwise_are_one_function_of_the_same_weights(dilation):
    inputs = random_inputs(SHAPE)
    fused = built(DenseBlock(3, 4, dilation=dilation))
    pairwise = built(PairwiseDenseBlock(3, 4, dilation=dilation))
    assert [w.shape for w in fused.weights] == [w.shape for w in pairwise.weights]
    pairwise.set_weights(fused.get_weights())
    np.testing.assert_allclose(to_numpy(fused(inputs)), to_numpy(pairwise(inputs)), atol=2e-5)
    # In training mode too: the same batch statistics, and the same moving averages after it.
    np.testing.assert_allclose(
        to_numpy(fused(inputs, training=True)), to_numpy(pairwise(inputs, training=True)), atol=2e-5
    )
    for ours, theirs in zip(fused.get_weights(), pairwise.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_source_and_layer_norm_differ_only_by_repeated_scales():
    """norm="layer" with a source's scales repeated in every layer is norm="source"."""
    inputs = random_inputs(SHAPE)
    source, layer = built(D2Block(3, 3, norm="source")), built(D2Block(3, 3, norm="layer"))
    for index in range(3):
        norms = source.norms[: index + 1]
        for kind in ("gamma", "beta", "moving_mean", "moving_variance"):
            getattr(layer.norms[index], kind).assign(np.concatenate([getattr(n, kind) for n in norms]))
        part = [slice((index - i) * 3, (index - i + 1) * 3) for i in range(index + 1)]
        kernels = [np.asarray(source.convs[i].kernel)[..., part[i]] for i in range(index + 1)]
        layer.convs[index].kernel.assign(np.concatenate(kernels, axis=2))
        layer.convs[index].bias.assign(
            sum(np.asarray(source.convs[i].bias)[part[i]] for i in range(index + 1))
        )
    np.testing.assert_allclose(to_numpy(source(inputs)), to_numpy(layer(inputs)), atol=2e-5)


def test_one_dimensional_blocks_are_the_two_dimensional_ones_of_height_one():
    inputs = random_inputs((2, 40, 5))
    for arguments in ({}, {"norm": "layer"}, {"dilation": "standard"}):
        flat = built(D2Block(3, 3, rank=1, **arguments), (2, 40, 5))
        image = built(D2Block(3, 3, kernel_size=(1, 3), **arguments), (2, 1, 40, 5))
        image.set_weights([w[None] if w.ndim == 3 else w for w in flat.get_weights()])
        np.testing.assert_allclose(to_numpy(flat(inputs)), to_numpy(image(inputs[:, None]))[:, 0], atol=2e-5)
    d3 = built(D3Block(3, 2, 2, rank=1), (2, 40, 5))
    assert tuple(d3(inputs).shape) == (2, 40, 3)


@pytest.mark.parametrize(
    "arguments, channels",
    [
        ({"num_blocks": 1}, 3),
        ({"num_blocks": 2}, 3),
        ({"num_blocks": 3, "norm": "layer"}, 3),
        ({"num_blocks": 3, "connection": "concatenate"}, 3),
        ({"num_blocks": 2, "connection": "concatenate", "output_blocks": "all", "output_layers": 2}, 17),
        (
            {
                "num_blocks": 2,
                "connection": "concatenate",
                "output_blocks": "all",
                "output_layers": 2,
                "bottleneck_filters": 6,
                "compression": 0.5,
            },
            11,
        ),
    ],
)
def test_d3_block_equals_numpy(arguments, channels):
    block = built(D3Block(3, 2, **arguments))
    inputs = random_inputs(SHAPE)
    outputs = to_numpy(block(inputs))
    assert outputs.shape[-1] == channels == block.compute_output_shape(SHAPE)[-1]
    np.testing.assert_allclose(outputs, d3_block(block, inputs), atol=1e-4, rtol=1e-4)


def test_dense_layer_by_equation():
    """One number worked out by hand: a block of two layers, all weights one, no padding met."""
    block = DenseBlock(1, 2, 1, dilation="multidilated")
    block.build((1, 1, 1, 1))
    for conv in block.convs:
        conv.kernel.assign(np.ones(conv.kernel.shape))
    # x_1 = x_0, x_2 = x_0 + x_1; moving mean 0 and variance 1.
    scale = 1 / np.sqrt(1 + 1e-5)
    expected = 3 * scale + 3 * scale**2
    np.testing.assert_allclose(to_numpy(block(np.full((1, 1, 1, 1), 3.0, "float32"))), expected, rtol=1e-6)


@pytest.mark.parametrize("dilation", DILATIONS)
def test_number_of_parameters_does_not_depend_on_the_dilation(dilation):
    block = built(D2Block(16, 5, dilation=dilation), (1, 8, 8, 32))
    sources = [32, 16, 16, 16, 16]
    expected = sum(2 * c + 9 * c * 16 * (5 - i) + 16 * (5 - i) for i, c in enumerate(sources))
    assert block.count_params() - 2 * sum(sources) == expected


def test_norm_constants_are_the_papers():
    block = built(D3Block(3, 2, 2))
    norm = block.blocks[1].norms[1]
    assert (norm.epsilon, norm.momentum) == (1e-5, 0.9)
    assert block.get_config()["norm_epsilon"] == 1e-5


@pytest.mark.parametrize(
    "block",
    [
        DenseBlock(3, 3, (3, 4), name="dense"),
        DenseBlock(3, 3, norm="layer", output_layers="all", compression=0.5, name="layer_norm"),
        DenseBlock(3, 2, norm="layer", use_bias=False, dropout=0.1, name="no_bias"),
        D2Block(3, 3, bottleneck_filters=4, kernel_regularizer="l2", name="d2"),
        D2Block(3, 3, dilation="standard", name="standard"),
        D3Block(3, 2, 2, name="d3"),
        D3Block(3, 2, 2, connection="concatenate", output_blocks="all", compression=0.5, name="concatenate"),
    ],
    ids=lambda block: block.name,
)
def test_block_contract(block, tmp_path):
    # Biases before a normalization get no gradient, so the check of every weight is left out.
    check_layer(block, (2, 8, 7, 5), tmp_path, trains=False)


def test_layers_without_bias_and_with_dropout():
    """Without biases it is the block whose biases are zero; dropout acts in training alone."""
    with_bias, without = (DenseBlock(3, 3, norm="layer", use_bias=bias) for bias in (True, False))
    for block in (with_bias, without):
        built(block)
    for conv in with_bias.convs:
        conv.bias.assign(np.zeros(3))
    inputs = random_inputs(SHAPE)
    without.set_weights(
        [
            w
            for v, w in zip(with_bias.weights, with_bias.get_weights(), strict=True)
            if not v.path.endswith("bias")
        ]
    )
    np.testing.assert_array_equal(to_numpy(without(inputs)), to_numpy(with_bias(inputs)))

    half = built(DenseBlock(2, 2, norm="layer", dropout=0.5))
    assert np.all(to_numpy(half(inputs)) != 0)
    dropped = np.mean(to_numpy(half(inputs, training=True)) == 0)
    assert 0.35 < dropped < 0.65


def test_gradients_reach_every_kernel_and_scale():
    block = built(D3Block(3, 2, 2))
    inputs = keras.Input(SHAPE[1:])
    model = keras.Model(inputs, block(inputs))
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    before = model.get_weights()
    model.train_on_batch(random_inputs(SHAPE), random_inputs((*SHAPE[:-1], 3), seed=1))
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert np.all(np.isfinite(new)), weight.path
        assert weight.path.endswith("bias") or np.any(old != new), weight.path


def test_statistics_stay_float32_and_finite_under_float16():
    block = D2Block(3, 2, dtype="mixed_float16")
    outputs = block(random_inputs(SHAPE).astype("float16") * 2000, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert np.all(np.isfinite(to_numpy(outputs)))
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in block.weights} == {"float32"}
    assert np.all(np.isfinite(block.norms[0].get_weights()[3]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: DenseBlock(0, 3), "`growth_rate` must be an integer of at least 1"),
        (lambda: DenseBlock(3, 0), "`num_layers` must be an integer of at least 1"),
        (lambda: DenseBlock(3, 3, rank=3), "`rank` must be one of 1, 2"),
        (lambda: DenseBlock(3, 3, (3, 3, 3)), "`kernel_size` must be an integer or 2 integers"),
        (
            lambda: DenseBlock(3, 3, dilation="full"),
            "`dilation` must be one of 'none', 'standard', 'multidilated'",
        ),
        (lambda: DenseBlock(3, 3, norm="group"), "`norm` must be one of 'source', 'layer'"),
        (lambda: DenseBlock(3, 3, output_layers=4), "`output_layers` must be 'all' or.*=4, num_layers=3"),
        (lambda: DenseBlock(3, 3, bottleneck_filters=0), "`bottleneck_filters` must be an integer"),
        (lambda: DenseBlock(3, 3, norm="layer", dropout=1.0), r"`dropout` must be a number in \[0, 1\)"),
        (lambda: DenseBlock(3, 3, dropout=0.1), "`use_bias=False` and `dropout` belong to.*norm='source'"),
        (lambda: DenseBlock(3, 3, use_bias=False), "`use_bias=False` and `dropout` belong to.*norm='source'"),
        (
            lambda: DenseBlock(3, 3, compression=1.5),
            r"`compression` must be None or a number in \(0, 1\].*1.5",
        ),
        (lambda: DenseBlock(3, 3).build((1, 8, 8, None)), "the last one .channels. of known size"),
        (lambda: DenseBlock(3, 3).build((1, 8, 3)), "must have 4 axes.*give `rank=1`"),
        (lambda: D3Block(3, 3, 0), "`num_blocks` must be an integer of at least 1"),
        (lambda: D3Block(0, 3, 2), "`growth_rate` must be an integer of at least 1"),
        (
            lambda: D3Block(3, 3, 2, connection="sum"),
            "`connection` must be one of 'split_sum', 'concatenate'",
        ),
        (
            lambda: D3Block(3, 3, 2, output_layers=2),
            "`connection='split_sum'` needs D2 blocks.*output_layers=2",
        ),
        (
            lambda: D3Block(3, 3, 2, compression=0.5),
            "`connection='split_sum'` needs D2 blocks.*compression=0.5",
        ),
        (lambda: D3Block(3, 3, 2, output_blocks="all"), "`output_blocks` must be 'last'"),
        (lambda: D3Block(3, 3, 2, output_blocks="some"), "`output_blocks` must be one of"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_compression_must_leave_a_map():
    block = DenseBlock(1, 1, compression=0.3)
    with pytest.raises(ValueError, match="`compression` must leave at least one map.*compression=0.3"):
        block.compute_output_shape((1, 4, 4, 1))
    with pytest.raises(ValueError, match="`compression` must leave at least one map"):
        block.build((1, 4, 4, 1))


@pytest.mark.parametrize(
    "block", [DenseBlock(3, 2), D3Block(3, 2, 2)], ids=lambda block: type(block).__name__
)
def test_configs_that_name_an_implementation_still_load(block):
    config = block.get_config()
    assert "form" not in config
    for form in ("fused", "literal"):
        assert type(block).from_config({**config, "form": form}).get_config() == config
