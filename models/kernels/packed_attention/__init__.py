"""Attention of packed documents over themselves with gradients, for training. See README.md."""
