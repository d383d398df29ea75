"""Recipe: MMDenseNet."""
