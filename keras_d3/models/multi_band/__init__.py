"""The frame of MMDenseNet and D3Net: networks per frequency band beside one of the full band."""
