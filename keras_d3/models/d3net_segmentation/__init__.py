"""D3Net for semantic segmentation, and the DenseNets it is compared with."""
