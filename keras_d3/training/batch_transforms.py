"""What the training step itself does to a batch before the network sees it, on the device that computes."""

import keras


def transform_batches(model, transform):
    """Has the training and the validation step of a compiled network take batches through a function first.

    It becomes a part of the compiled step, so that an accelerator does its work, and the processor reads
    records alone. The network itself, and what is saved of it, stay as they are.

    Args:
        model: compiled `keras.Model` whose inputs, targets and weights are what `transform` gives.
        transform: function of tensors `(inputs, targets)` or `(inputs, targets, sample weights)` that
            returns such a tuple, in operations of Keras' backend; None for batches as they are.

    Returns:
        `model`.
    """
    if transform is not None:
        _build_loss(model)
        for name in ("train_step", "test_step"):
            setattr(model, name, _after(transform, getattr(model, name)))
    return model


def _after(transform, step):
    def transformed(*arguments):
        # JAX's steps take the state of the network before the batch.
        *state, batch = arguments
        inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
        return step(*state, transform(inputs, targets, *([] if weights is None else [weights])))

    return transformed


def _build_loss(model):
    """Builds what Keras would otherwise build by giving the network a batch as it comes from the records."""
    outputs = keras.tree.map_structure(
        lambda output: keras.ops.zeros([1, *(size or 1 for size in output.shape[1:])]), model.output
    )
    model.compute_loss(y=outputs, y_pred=outputs)
    model.reset_metrics()
