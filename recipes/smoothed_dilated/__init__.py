"""Recipe: smoothed dilated convolutions in DeepLabv2."""
