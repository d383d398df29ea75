"""Recipe: D3Net."""
