"""Connections and sessions. Every session is bound to a tenant, or explicitly to none."""
