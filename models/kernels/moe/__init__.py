"""Experts chosen token by token. See README.md."""
