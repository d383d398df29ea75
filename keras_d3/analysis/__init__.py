"""What networks see and have learnt: receptive fields and the norms of their filters."""
