"""Mamba-2's recurrence. See README.md."""
