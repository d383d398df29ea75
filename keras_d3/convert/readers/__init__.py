"""Files of published weights: NNabla's HDF5 and TensorFlow 1 checkpoints, as checked tables of tensors."""
