"""Low-rank additions to a matrix product, one for each token. See README.md."""
