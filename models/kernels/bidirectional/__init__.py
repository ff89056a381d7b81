"""Attention of a text's tokens over all of the same text. See README.md."""
