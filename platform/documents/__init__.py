"""Documents and their collections: uploaded, read in the background, searched, opened and closed by grants."""
