"""Writing evidence. Low in the platform, so that every slice records in its own transaction."""
