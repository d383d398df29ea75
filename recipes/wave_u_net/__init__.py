"""Recipe: Wave-U-Net."""
