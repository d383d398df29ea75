"""Many songs: a batch in one process, and catalogs that several processes or machines share."""
