"""Products of rows and matrices in eight bits each, in groups of up to 96. See README.md."""
