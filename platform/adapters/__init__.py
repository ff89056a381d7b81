"""Adapters in use: brought to the model server, asked through, and what becomes of them when examples are
erased."""
