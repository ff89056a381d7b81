"""Feed-forward networks: the half of a layer that works on each position alone."""
