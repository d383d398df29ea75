"""The first import of the packages written in TensorFlow: without it, the error names the extra."""

from keras_d3.utils.optional_packages import optional_package

optional_package("tensorflow", "tensorflow", "This part of keras_d3")
