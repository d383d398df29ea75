"""D3Net for music (Takahashi and Mitsufuji, 2021)."""
