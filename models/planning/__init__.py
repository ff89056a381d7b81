"""How much memory a model takes, worked out from its shape before anything is loaded."""
