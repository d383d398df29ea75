"""Wave-U-Net with the weights of the official code (f90/Wave-U-Net, TensorFlow 1)."""

from keras_d3.convert.readers.tensorflow_checkpoint import checkpoint_table, read_checkpoint
from keras_d3.convert.wave_u_net_settings import wave_u_net_arguments
from keras_d3.models import WaveUNet

SCOPE = "separator/"
# The optimizer's own variables; those that other programs save beside the weights are never read.
SOLVER_SCOPE = "separator_solver/"


def wave_u_net_from_official(config, checkpoint_prefix):
    """Returns Wave-U-Net with the weights of a checkpoint of the official code.

    It computes what `Models/UnetAudioSeparator.py` of f90/Wave-U-Net computes, and in inference mode
    limits to [-1, 1] what that limits when it tests. All variables of the checkpoint are used but the
    optimizer's and the step count.

    Args:
        config: dict in the official keys (`Config.py`): `num_layers`, `num_initial_filters`,
            `filter_size`, `merge_filter_size`, `input_filter_size`, `output_filter_size`, `upsampling`,
            `output_type`, `output_activation`, `context`, `mono_downmix`, and `task` or `source_names`.
            Keys that are not there have the official base configuration's values, keys that do not shape
            the network are ignored. With `num_frames` the model's lengths are the official ones;
            without, it takes any length that the convolutions can do with (without context any multiple
            of `2 ** num_layers`). `official_wave_u_net_settings` has the named configurations.
        checkpoint_prefix: path of the checkpoint without `.index`, such as
            `"checkpoints/baseline_stereo/baseline_stereo-186093"`.

    Returns:
        `keras.Model` from float (batch, input_samples, channels) to a dict
        source -> float (batch, output_samples, channels), in the official order of sources.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: a key has an unknown value or contradicts another; the checkpoint cannot be read; a
            variable is missing, has another shape than the config asks for, or is left over. The
            message lists all such variables.

    Example (with a released checkpoint):

        from keras_d3.convert import official_wave_u_net_settings, wave_u_net_from_official

        config = official_wave_u_net_settings("full_multi_instrument")
        model = wave_u_net_from_official(config, "full_multi_instrument/full_multi_instrument-134067")
    """
    arguments = wave_u_net_arguments(config)
    tensors = {
        name: tensor
        for name, tensor in read_checkpoint(checkpoint_prefix).items()
        if not name.startswith(SOLVER_SCOPE)
    }
    model = WaveUNet(**arguments, name="wave_u_net")
    table = checkpoint_table(tensors, checkpoint_prefix)
    _fill_model(model, table, arguments["num_levels"])
    table.finish()
    return model


def _fill_model(model, table, num_levels):
    """Gives every layer its variables: the convolutions are numbered in the order of computation."""
    names = [f"down_{level}_conv" for level in range(1, num_levels + 1)] + ["bottleneck_conv"]
    names += [f"up_{step}_conv" for step in range(1, num_levels + 1)]
    names += [layer.name for layer in model.layers if layer.name.startswith("head_")]
    for number, name in enumerate(names):
        scope = f"{SCOPE}conv1d" + (f"_{number}" if number else "")
        table.assign(model.get_layer(name).kernel, f"{scope}/kernel", axes=(0, 1, 2))
        table.assign(model.get_layer(name).bias, f"{scope}/bias", axes=(0,))
    for step in range(1, num_levels + 1):
        layer = model.get_layer(f"up_{step}_upsampling")
        if layer.weights:
            table.assign(layer.interpolation, f"{SCOPE}interp_{step - 1}", axes=(0,))
