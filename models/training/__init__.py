"""Training: from examples to adapters and weights that the engine serves. Runs as a child process of its own."""
