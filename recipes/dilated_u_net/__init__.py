"""Recipe: Dilated U-Net and Dilated Dense U-Net."""
