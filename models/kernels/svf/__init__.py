"""Per-token factors on the singular values of a shared matrix. See README.md."""
