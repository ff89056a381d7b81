"""Rows of the embedding matrix for a step's tokens. See README.md."""
