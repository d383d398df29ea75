"""Wave-U-Net (Stoller et al., 2018)."""
