"""Depthwise causal convolution with the state of a sequence. See README.md."""
