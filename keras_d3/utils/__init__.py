"""What every other part leans on: argument checks, files, configs, audio files."""
