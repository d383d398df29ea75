"""The U-Net on magnitudes that Wave-U-Net is compared with (Jansson et al., 2017)."""
