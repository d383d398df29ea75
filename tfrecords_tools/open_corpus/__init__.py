"""A corpus of songs from Debian's packages: its list, the packages, the build."""
