"""DeepLabv2 with smoothed dilated convolutions (Wang and Ji, 2018)."""
