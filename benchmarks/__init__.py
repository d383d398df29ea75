"""Speed and memory of this package's layers and blocks, compared with the implementations they replace."""
