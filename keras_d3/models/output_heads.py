"""Output stage of networks on waveforms: heads, the residual source, clipping."""

import dataclasses

import keras
from keras import layers

from keras_d3.layers import CenterCrop1D, CropLike, InferenceClip
from keras_d3.models.network import Network, set_fields
from keras_d3.utils import check_choice, check_positive_int

OUTPUT_TYPES = ("direct", "difference")
OUTPUT_ACTIVATIONS = ("tanh", "linear")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceHeadArguments:
    """Arguments of networks from a mixture's waveform to its sources' waveforms.

    Args:
        sources: sequence of strings, names in order. With output_type "difference" the last is the residual.
        channels: int, channels of the mixture and of every source.
        output_kernel_size: int, taps of the heads.
        output_type: `"direct"` (one head per source) or `"difference"` (the last source is the
            mixture minus the others).
        output_activation: `"tanh"` or `"linear"`.
        clip_at_inference: bool, whether outputs that tanh does not bound (linear heads, the
            residual) are limited to [-1, 1] outside training.

    Raises:
        ValueError: an argument breaks its rule.
    """

    sources: tuple = ("accompaniment", "vocals")
    channels: int = 1
    output_kernel_size: int = 1
    output_type: str = "difference"
    output_activation: str = "tanh"
    clip_at_inference: bool = True

    def __post_init__(self):
        sources = check_sources(self.sources, self.output_type)
        check_choice("output_activation", self.output_activation, OUTPUT_ACTIVATIONS)
        set_fields(self, sources=sources, channels=check_positive_int("channels", self.channels))


def check_sources(sources, output_type):
    """Returns `sources` as a tuple of names.

    Args:
        sources: sequence of strings.
        output_type: `"direct"` or `"difference"`, which needs two sources.

    Raises:
        ValueError: an argument breaks its rule.
    """
    check_choice("output_type", output_type, OUTPUT_TYPES)
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


class SourceHeadNetwork(Network):
    """Base class of networks from a mixture's waveform to a dict of its sources' waveforms."""

    arguments_class = SourceHeadArguments

    def source_heads(self, features, mixture, padding="same"):
        """Adds one head per estimated source, and the residual source with output_type "difference".

        The last source is then the mixture, cut to the heads' length, minus all others. The heads and
        the residual are computed in float32 under half-precision policies: a waveform of 16 bits has
        more steps than float16 has.

        Args:
            features: symbolic tensor (batch, time, channels).
            mixture: the network's input, (batch, time, channels), cut to the features' length.
            padding: `"same"` or `"valid"`.

        Returns:
            dict of symbolic tensors, source name -> (batch, time', channels).
        """
        arguments = self.arguments
        is_bounded = arguments.output_activation == "tanh"
        residual = arguments.sources[-1] if arguments.output_type == "difference" else None
        outputs = {}
        for source in arguments.sources:
            if source != residual:
                x = self._head(features, source, padding)
                outputs[source] = self._finish(
                    x, source, clips=arguments.clip_at_inference and not is_bounded
                )
        if residual is not None:
            # As in the published code, the residual is taken from the clipped heads.
            x = self._residual(mixture, list(outputs.values()), padding)
            outputs[residual] = self._finish(x, residual, clips=arguments.clip_at_inference)
        return outputs

    def _head(self, features, source, padding):
        return layers.Conv1D(
            self.arguments.channels,
            self.arguments.output_kernel_size,
            padding=padding,
            data_format="channels_last",
            activation=self.arguments.output_activation,
            dtype=output_dtype(),
            name=f"head_{source}",
        )(features)

    def _residual(self, mixture, estimates, padding):
        dtype = output_dtype()
        if padding == "valid" and self.arguments.output_kernel_size > 1:
            mixture = center_crop(mixture, estimates[0], "mixture_crop", dtype=dtype)
        *others, last = zip(self.arguments.sources, estimates, strict=False)
        # One after the other: TensorFlow makes one operation of a sum of three, and adds them in the order in
        # which what else reads them has ended, so that training would not repeat to the bit.
        for source, estimate in others:
            mixture = layers.Subtract(dtype=dtype, name=f"mixture_without_{source}")([mixture, estimate])
        name = f"residual_{self.arguments.sources[-1]}"
        return layers.Subtract(dtype=dtype, name=name)([mixture, last[1]])

    def _finish(self, x, source, clips):
        # The last layer of each output carries the source's name, and so do the model's output names.
        layer = InferenceClip if clips else layers.Identity
        return layer(name=source, dtype=output_dtype())(x)


def center_crop(x, reference, name, **kwargs):
    """Keeps the middle of `x`, as long as `reference`; for equal lengths `x` itself.

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
    """Returns the name of the last layers' policy: float32 where the current one computes in 16 bits."""
    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype in ("float16", "bfloat16") else policy.name
