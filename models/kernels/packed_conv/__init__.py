"""The short convolution along packed documents with gradients, for training. See README.md."""
