"""A multidilated convolution in a Keras model of your own, trained on random images.

    python examples/a_layer_of_your_own.py

The model learns to blur images: every pixel becomes the mean of its surroundings.
"""

import keras
import numpy as np

from keras_d3.layers import MultidilatedConv2D


def make_model():
    """Returns a model (batch, height, width, 1) -> the same, for images of any size."""
    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    # A list of inputs: the image is read with dilation 1, x with dilation 2, and the results are summed.
    y = MultidilatedConv2D(8, 3, activation="relu")([image, x])
    # Of three inputs the last one is read with dilation 4. Other rates: dilation_rates=[1, 1, 3].
    return keras.Model(image, MultidilatedConv2D(1, 3)([image, x, y]))


def main():
    """Trains the model, and saves and loads it."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(size=(64, 32, 32, 1)).astype("float32")
    blurred = np.asarray(keras.ops.average_pool(images, 5, strides=1, padding="same"))

    model = make_model()
    model.summary()
    model.compile("adam", "mse")
    history = model.fit(images, blurred, batch_size=8, epochs=3, verbose=2)
    losses = history.history["loss"]
    print(f"Loss: {losses[0]:.4f} to {losses[-1]:.4f}")

    model.save("my_model.keras")
    loaded = keras.models.load_model("my_model.keras")
    difference = np.abs(model.predict(images, verbose=0) - loaded.predict(images, verbose=0)).max()
    print(f"Loaded from my_model.keras: outputs differ by {difference:.1e} at most.")


if __name__ == "__main__":
    main()
