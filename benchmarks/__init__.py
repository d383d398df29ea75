"""Speed and memory of this package's layers and blocks beside the spellings they replace."""
