"""Implementations for the TensorFlow backend."""
