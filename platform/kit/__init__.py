"""Domain-free parts: identifiers, time, canonical JSON, authenticated encryption."""
