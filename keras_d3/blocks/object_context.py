"""Object-contextual representations: every pixel reads the mean of the classes it may belong to."""

import keras
from keras import ops

from keras_d3.layers import BatchNormalization, DilatedConv2D
from keras_d3.utils import check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class ObjectContext(keras.layers.Layer):
    """Augments pixel representations by a weighted sum of object region representations.

    Section 3.2 of Yuan, Chen and Wang, 2020, "Object-Contextual Representations for Semantic
    Segmentation" (https://arxiv.org/abs/1909.11065). With pixels x_i and the scores a_ki that a first
    guess gives class k at pixel i:

        m_ki = exp(a_ki) / sum over j of exp(a_kj)           soft object regions, over the pixels
        f_k  = sum over i of m_ki x_i                        object region representations (equation 3)
        w_ik = exp(s phi(x_i).psi(f_k)) / sum over l of ...  pixel-region relation (equations 4, 5)
        y_i  = rho(sum over k of w_ik delta(f_k))            object-contextual representation (equation 6)
        z_i  = g([y_i, x_i])                                 augmented representation (equation 7)

    phi and psi are two, rho, delta and g one 1x1 convolution, each followed by batch normalization and
    ReLU. Differences: the paper's relation has s = 1; with `scaled=True` s = 1 / sqrt(key_filters), as in
    its authors' code and other attention. Convolutions have no bias, as a normalization follows; no
    drop-out.

    Args:
        filters: int, maps of the result and of rho's and g's convolutions.
        key_filters: int, maps of phi, psi and delta.
        scaled: bool, whether s = 1 / sqrt(key_filters).
        norm_epsilon: float, epsilon of the batch normalizations.
        norm_momentum: float, momentum of their moving statistics.
        kernel_initializer: Keras initializer of the kernels.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: list of the pixel representations (batch, height, width, channels) and the first guess's
            logits (batch, height, width, classes).
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        Tensor (batch, height, width, filters).

    Raises:
        ValueError: an argument breaks its rule, or the inputs are no such pair.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import ObjectContext
    >>> pixels, guess = np.ones((1, 8, 16, 32), "float32"), np.zeros((1, 8, 16, 5), "float32")
    >>> tuple(ObjectContext(filters=24, key_filters=8)([pixels, guess]).shape)
    (1, 8, 16, 24)
    """

    def __init__(
        self,
        filters=512,
        key_filters=256,
        scaled=True,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = check_positive_int("filters", filters)
        self.key_filters = check_positive_int("key_filters", key_filters)
        self.scaled = bool(scaled)
        self.norm_epsilon = norm_epsilon
        self.norm_momentum = norm_momentum
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        channels = input_shape[0][-1]
        key = self.key_filters
        self.pixel_key = [self._unit("pixel_key_0", channels, key), self._unit("pixel_key_1", key, key)]
        self.region_key = [self._unit("region_key_0", channels, key), self._unit("region_key_1", key, key)]
        self.region_value = [self._unit("region_value", channels, key)]
        self.context = [self._unit("context", key, self.filters)]
        self.fusion = [self._unit("fusion", self.filters + channels, self.filters)]
        self.built = True

    def _unit(self, name, channels, filters):
        conv = DilatedConv2D(
            filters,
            1,
            1,
            use_bias=False,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            name=f"{name}_conv",
            dtype=self.dtype_policy,
        )
        norm = BatchNormalization(
            epsilon=self.norm_epsilon,
            momentum=self.norm_momentum,
            name=f"{name}_norm",
            dtype=self.dtype_policy,
        )
        conv.build((None, None, None, channels))
        norm.build((None, None, None, filters))
        return [conv, norm]

    def call(self, inputs, training=None):
        pixels, guess = inputs

        def apply(units, maps):
            for conv, norm in units:
                maps = ops.relu(norm(conv(maps), training=training))
            return maps

        height, width = ops.shape(pixels)[1:3]

        def flat(maps):
            return ops.reshape(maps, (-1, height * width, maps.shape[-1]))

        # Sums over all pixels and exponentials want float32 under mixed precision.
        precise = keras.backend.result_type(pixels.dtype, "float32")
        regions = ops.softmax(ops.cast(flat(guess), precise), axis=1)
        regions = ops.cast(regions, pixels.dtype)
        regions = ops.matmul(ops.transpose(regions, (0, 2, 1)), flat(pixels))
        regions = ops.expand_dims(regions, 1)  # (batch, 1, classes, channels): a row of pixels
        keys = apply(self.region_key, regions)[:, 0]
        values = apply(self.region_value, regions)[:, 0]
        queries = flat(apply(self.pixel_key, pixels))
        relation = ops.cast(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))), precise)
        if self.scaled:
            relation = relation * self.key_filters**-0.5
        relation = ops.cast(ops.softmax(relation, axis=-1), pixels.dtype)
        context = ops.reshape(ops.matmul(relation, values), (-1, height, width, self.key_filters))
        return apply(self.fusion, ops.concatenate([apply(self.context, context), pixels], axis=-1))

    def compute_output_shape(self, input_shape):
        is_pair = len(input_shape) == 2 and all(isinstance(shape, (list, tuple)) for shape in input_shape)
        if not is_pair or any(len(shape) != 4 or shape[-1] is None for shape in input_shape):
            raise ValueError(
                "`inputs` of `ObjectContext` must be pixel representations and logits, both (batch, height, "
                f"width, channels) with known channels. Received: input_shape={tuple(input_shape)}."
            )
        return (*input_shape[0][:3], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "key_filters": self.key_filters,
            "scaled": self.scaled,
            "norm_epsilon": self.norm_epsilon,
            "norm_momentum": self.norm_momentum,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
