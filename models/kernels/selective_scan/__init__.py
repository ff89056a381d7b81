"""Mamba-1's recurrence. See README.md."""
