"""A decoder as a program of compiled operations: the CPU path. See `builder` for how a layer is laid out."""
