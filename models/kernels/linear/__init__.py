"""Linear layers over weights packed in panels of sixteen outputs. See README.md."""
