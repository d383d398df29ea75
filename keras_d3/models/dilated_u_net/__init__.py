"""Dilated U-Net and Dilated Dense U-Net (Narayanaswamy et al., 2019)."""
