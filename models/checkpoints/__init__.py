"""Weight files: readers for GGUF and safetensors, and adapters from their names to ours."""
