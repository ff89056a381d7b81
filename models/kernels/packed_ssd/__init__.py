"""Mamba-2's recurrence along packed documents with gradients, for training. See README.md."""
