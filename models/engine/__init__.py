"""Continuous batching over a paged key-value cache: a request's life, one file a station.

Knows token ids and tensors. Knows nothing of HTTP, of prompts' meaning or of tenants beyond an opaque name.
"""
