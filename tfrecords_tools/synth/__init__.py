"""A small NumPy band: drums, bass, harmony and a singing voice for the demo corpus."""
