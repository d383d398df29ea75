"""What the training step itself does to a batch before the network sees it, on the device that computes."""

import keras


def transform_batches(model, transform):
    """Has the training and the validation step of a compiled network take batches through a function first.

    It becomes a part of the compiled step, so that an accelerator does its work, and the processor reads
    records alone. The network itself, and what is saved of it, stay as they are.

    Args:
        model: compiled `keras.Model` whose inputs, targets and weights are what `transform` gives. Its
            losses are built (`build_losses`): Keras on JAX would build them from a batch of the records.
        transform: function of tensors `(inputs, targets)` or `(inputs, targets, sample weights)` that
            returns such a tuple, in operations of Keras' backend; None for batches as they are.

    Returns:
        `model`.
    """
    if transform is not None:
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
