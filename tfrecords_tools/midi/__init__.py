"""MIDI songs into stems: parsing, excerpts, rendering by fluidsynth, levels, a sung lead."""
