"""Dilated ResNets with a fully convolutional head: baselines of D3Net for segmentation."""
