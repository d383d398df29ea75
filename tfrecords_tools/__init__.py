"""Command line that turns audio into TFRecords, and the demo corpus."""
