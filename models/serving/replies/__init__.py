"""What the server answers: OpenAI's response shapes and our own, built from the engine's events. Knows no HTTP."""
