"""The chunk log in PostgreSQL, the indexes each process keeps over it, and the stored texts."""
