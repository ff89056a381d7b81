"""Where an encoder begins and ends: rows of token ids, and vectors of texts and tokens. See README.md."""
