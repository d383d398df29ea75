"""Audio records: schema, excerpts, batches of waveforms."""
