"""Kernels and normalization of the TensorFlow backend."""
