"""The norm behind Mamba-2's recurrence, with its gate. See README.md."""
