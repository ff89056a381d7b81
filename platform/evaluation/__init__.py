"""How good the product is at its job, measured and judged by fixed rules."""
