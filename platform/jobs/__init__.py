"""Background work: PostgreSQL holds it, Redis wakes for it, a lease with a fencing token guards it."""
