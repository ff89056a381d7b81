"""Indexes over a tenant's chunk log: views that any process can rebuild. The log itself is the truth."""
