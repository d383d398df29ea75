"""What networks on waveforms do at their output: heads, the residual source, clipping."""

import keras
from keras import layers

from keras_d3.layers import CenterCrop1D, CropLike, InferenceClip
from keras_d3.utils import check_choice

OUTPUT_TYPES = ("direct", "difference")
OUTPUT_ACTIVATIONS = ("tanh", "linear")


def check_outputs(sources, output_type, output_activation):
    """Returns `sources` as a tuple of names, or raises ValueError naming the argument at fault."""
    check_choice("output_type", output_type, OUTPUT_TYPES)
    check_choice("output_activation", output_activation, OUTPUT_ACTIVATIONS)
    if isinstance(sources, str) or not all(isinstance(source, str) and source for source in sources):
        raise ValueError(f"`sources` must be a list of names. Received: sources={sources!r}.")
    sources = tuple(sources)
    fewest = 2 if output_type == "difference" else 1
    if len(sources) < fewest or len(set(sources)) < len(sources):
        raise ValueError(
            f"`sources` must be at least {fewest} different names with output_type={output_type!r}. "
            f"Received: sources={sources!r}."
        )
    return sources


def separate_outputs(
    features,
    mixture,
    sources,
    num_channels,
    kernel_size,
    padding,
    output_type,
    output_activation,
    clip_at_inference,
):
    """Adds one head per estimated source, and the residual source with output_type "difference".

    The last source is then the mixture, cut to the heads' length, minus all others. The heads and
    the residual are computed in float32 under half-precision policies: a waveform of 16 bits has
    more steps than float16 has.

    Args:
        features: symbolic tensor (batch, time, channels).
        mixture: the network's input, (batch, time, num_channels), cut to the features' length.
        sources: tuple of names, in order.
        num_channels: int, channels of every output.
        kernel_size: int, taps of the heads.
        padding: `"same"` or `"valid"`.
        output_type: `"direct"` or `"difference"`.
        output_activation: `"tanh"` or `"linear"`.
        clip_at_inference: bool, whether what tanh does not bound is limited to [-1, 1] outside
            training.

    Returns:
        dict of symbolic tensors, source name -> (batch, time'', num_channels).
    """
    dtype = output_dtype()
    bounded = output_activation == "tanh"

    def finish(x, source, clips):
        # The last layer of each output carries the source's name, and so do the model's output names.
        layer = InferenceClip if clips else layers.Identity
        return layer(name=source, dtype=dtype)(x)

    outputs = {}
    for source in sources[:-1] if output_type == "difference" else sources:
        x = layers.Conv1D(
            num_channels,
            kernel_size,
            padding=padding,
            activation=output_activation,
            dtype=dtype,
            name=f"head_{source}",
        )(features)
        outputs[source] = finish(x, source, clips=clip_at_inference and not bounded)
    if output_type == "difference":
        # As in the published code, the residual is taken from the clipped heads.
        rest = list(outputs.values())
        others = rest[0] if len(rest) == 1 else layers.Add(dtype=dtype, name="estimated_sum")(rest)
        if padding == "valid" and kernel_size > 1:
            mixture = center_crop(mixture, others, "mixture_crop", dtype=dtype)
        x = layers.Subtract(dtype=dtype, name=f"residual_{sources[-1]}")([mixture, others])
        outputs[sources[-1]] = finish(x, sources[-1], clips=clip_at_inference)
    return outputs


def center_crop(x, reference, name, **kwargs):
    """Keeps the middle of `x`, as long as `reference`; nothing to do for equal lengths.

    Args:
        x: symbolic tensor (batch, time, channels).
        reference: symbolic tensor (batch, time', ...); either length may be unknown.
        name: string, name of the layer, if one is needed.
        **kwargs: further arguments of the layer.
    """
    if None in (x.shape[1], reference.shape[1]):
        return CropLike("center", name=name, **kwargs)([x, reference])
    if x.shape[1] == reference.shape[1]:
        return x
    return CenterCrop1D(reference.shape[1], name=name, **kwargs)(x)


def output_dtype():
    """Returns the policy of the last layers: float32 where the current one computes in 16 bits."""
    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype in ("float16", "bfloat16") else policy.name
