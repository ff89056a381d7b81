"""The row-wise half of a layer whose norms come after what is added. See README.md."""
