"""MDenseNet and MMDenseNet (Takahashi and Mitsufuji, 2017)."""
