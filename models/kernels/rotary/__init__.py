"""Positions into queries and keys, and keys and values into their pages. See README.md."""
