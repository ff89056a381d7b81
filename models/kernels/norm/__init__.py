"""RMSNorm and LayerNorm over rows. See README.md."""
