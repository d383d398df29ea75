"""DeepLabv2 with the weights of the official code's checkpoints (divelab/dilated, TensorFlow 1)."""

from keras_d3.convert.deeplab_v2_names import KERNEL, NORM_VARIABLES, SMOOTHING, official_layers
from keras_d3.convert.readers.tensorflow_checkpoint import checkpoint_table, read_checkpoint
from keras_d3.convert.smoothed_dilated import group_interaction_matrix, shared_filter
from keras_d3.models import find_preset

# `fix_w` of group interaction is a matrix; that of the separable shared convolution has five axes.
_SUFFIXES = {None: "", 2: "_group_interaction", 5: "_separable_shared"}


def deeplab_v2_from_official(checkpoint_prefix, preset=None, **overrides):
    """Returns DeepLabv2 with the weights of a checkpoint of the official code.

    It computes what `network.py` of divelab/dilated computes for images normalized as the presets say (BGR):
    `Deeplab_v2`, whose names the MS-COCO checkpoints have too, and `ResNet_segmentation` on a ResNet-101 or
    -50. Momentum and step counts are left out, an outer scope does not matter. Smoothing weights are turned
    into the paper's form (see `smoothed_dilated_from_official`). Differences: none; the code normalizes with
    epsilon 1e-3, and so does the model.

    Args:
        checkpoint_prefix: path of the checkpoint without `.index`, such as `"model/model.ckpt-20000"`; or a
            file of TensorFlow's first format, such as `"deeplab_resnet_init.ckpt"`.
        preset: name of a preset of `keras_d3.models.DeepLabV2`. None for the one that the variables are of:
            ASPP or LargeFOV by the number of output convolutions, the smoothing by `fix_w`. Rates are not in
            a checkpoint: `"deeplab_v2_aspp_multigrid"` has to be named.
        **overrides: arguments that replace the preset's. `num_classes`, `num_blocks`, `filters` and
            `stem_filters` are those of the checkpoint.

    Returns:
        `keras_d3.models.DeepLabV2`, from images (batch, height, width, 3) to logits (batch, height / 8,
        width / 8, num_classes).

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: the checkpoint cannot be read or is of another network, it has no output layer or one for
            another number of classes, or a variable is missing, left over or of another shape; the message
            lists all such variables.

    Example (with a checkpoint of a training by the official code):

        from keras_d3.convert import deeplab_v2_from_official

        model = deeplab_v2_from_official("model/model.ckpt-20000")
    """
    tensors = read_checkpoint(checkpoint_prefix)
    layers = official_layers(tensors, f"the checkpoint `{checkpoint_prefix}`")
    if not layers.outputs:
        raise ValueError(
            f"The checkpoint `{checkpoint_prefix}` must have an output layer, fc1_voc12_c0 or "
            "decoder/aspp/conv1 and so on. Received: an encoder alone. Start a training from it "
            "(`--initial-weights`), or give it to `load_official_encoder`."
        )
    found = _arguments(tensors, layers)
    wanted = overrides.get("num_classes", found["num_classes"])
    if wanted != found["num_classes"]:
        raise ValueError(
            "`num_classes` must be that of the checkpoint's output layer, "
            f"{layers.outputs[0]}: {found['num_classes']}. Received: num_classes={wanted!r}. Leave it out; "
            "for other classes start a training from the checkpoint (`--initial-weights`), whose output "
            "layer is drawn then."
        )
    preset = find_preset(preset or _preset_of(tensors, layers))
    known = preset.merged_arguments(**overrides)
    model = preset.build(**overrides, **{key: found[key] for key in found if found[key] != known[key]})
    table = checkpoint_table(_with_smoothing_kernels(tensors), checkpoint_prefix)
    _fill_encoder(model, layers, table, with_smoothing=True)
    rates = model.arguments.classifier_rates
    for index, rate in enumerate(rates):
        scope = layers.outputs[index] if index < len(layers.outputs) else f"output convolution {index}"
        classifier = model.get_layer(f"classifier_rate_{rate}")
        table.assign(classifier.kernel, f"{scope}/{KERNEL}", axes=(0, 1, 2, 3))
        table.assign(classifier.bias, f"{scope}/biases", axes=(0,))
    table.finish()
    return model


def load_official_encoder(model, checkpoint_prefix):
    """Gives the encoder of a DeepLabv2 the weights of a checkpoint, as trainings of the official code start.

    Output layer and smoothing weights stay as they are, and are not looked for: the checkpoint can be one of
    MS-COCO (`deeplab_resnet_init.ckpt`), of a finished training for other classes, or TensorFlow's own
    ResNet-101 of ImageNet (`resnet_v1_101.ckpt`). That one was trained on RGB, and the official code gives it
    BGR; neither its order of channels nor anything else is changed here.

    Args:
        model: `keras_d3.models.DeepLabV2`, changed in place.
        checkpoint_prefix: see `deeplab_v2_from_official`.

    Returns:
        `model`.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: the checkpoint cannot be read or is of another network, or a variable of the encoder is
            missing, left over or of another shape; the message lists all such variables.
    """
    tensors = read_checkpoint(checkpoint_prefix)
    layers = official_layers(tensors, f"the checkpoint `{checkpoint_prefix}`")
    scopes = {scope for pair in layers.encoder.values() for scope in pair}
    encoder = {
        name: tensor
        for name, tensor in tensors.items()
        if name.rpartition("/")[0] in scopes and not name.endswith(f"/{SMOOTHING}")
    }
    table = checkpoint_table(encoder, checkpoint_prefix)
    _fill_encoder(model, layers, table, with_smoothing=False)
    table.finish()
    return model


def _arguments(tensors, layers):
    """Arguments of the network that the variables' shapes say."""

    def filters(layer):
        return tensors[f"{layers.encoder[layer][0]}/{KERNEL}"].shape[-1]

    num_blocks = layers.num_blocks()
    first = [f"res{stage}_block1_conv1" for stage in range(2, 2 + len(num_blocks))]
    arguments = {
        "num_classes": tensors[f"{layers.outputs[0]}/{KERNEL}"].shape[-1],
        "num_blocks": num_blocks,
        "stem_filters": filters("stem_conv") if "stem_conv" in layers.encoder else None,
        "filters": tuple(filters(layer) for layer in first) if set(first) <= set(layers.encoder) else None,
    }
    # What a damaged checkpoint does not say is the preset's, so that the variables that miss are listed.
    return {name: value for name, value in arguments.items() if value}


def _preset_of(tensors, layers):
    axes = next((tensor.ndim for name, tensor in tensors.items() if name.endswith(f"/{SMOOTHING}")), None)
    output = "largefov" if len(layers.outputs) == 1 else "aspp"
    return f"deeplab_v2_{output}{_SUFFIXES.get(axes, '')}"


def _with_smoothing_kernels(tensors):
    """The variables, with `fix_w` as our layers keep it; what has no such shape stays, to be listed."""
    converted = dict(tensors)
    for name, tensor in tensors.items():
        if name.endswith(f"/{SMOOTHING}") and len(set(tensor.shape[:2])) == 1:
            if tensor.ndim == 2:
                converted[name] = group_interaction_matrix(tensor)
            elif tensor.ndim == 5 and tensor.shape[2:] == (1, 1, 1) and len(tensor) % 2:
                converted[name] = shared_filter(tensor)
    return converted


def _fill_encoder(model, layers, table, with_smoothing):
    """Gives every convolution of the encoder and its normalization their variables."""
    for norm in (layer for layer in model.layers if layer.name.endswith("_norm")):
        name = norm.name.removesuffix("_norm")
        conv = model.get_layer(name)
        scope, norm_scope = layers.encoder.get(name, (name, norm.name))
        table.assign(conv.kernel, f"{scope}/{KERNEL}", axes=(0, 1, 2, 3))
        if with_smoothing and hasattr(conv, "smoothing_kernel"):
            table.assign(conv.smoothing_kernel, f"{scope}/{SMOOTHING}", axes=(0, 1))
        for variable in NORM_VARIABLES:
            table.assign(getattr(norm, variable), f"{norm_scope}/{variable}", axes=(0,))
