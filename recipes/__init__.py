"""One folder per paper: its configs as data, its commands, its README."""
