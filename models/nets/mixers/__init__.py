"""Sequence mixers: the half of a layer that moves information between positions."""
