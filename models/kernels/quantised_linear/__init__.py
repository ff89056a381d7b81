"""Linear layers that multiply by GGUF blocks as they lie in the file. See README.md."""
