"""What the server accepts, as pydantic models: OpenAI's request shapes with our constraints, and our own.

A field that we don't implement is refused by name rather than ignored. Knows no engine and no HTTP.
"""
