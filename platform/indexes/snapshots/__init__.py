"""Which index snapshots count: their checksums, kept beside the log that they are views of."""
