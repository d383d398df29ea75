"""Recipe: D3Net for semantic segmentation."""
