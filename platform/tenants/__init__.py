"""Tenants: making one, and what its own people may see and change of it."""
