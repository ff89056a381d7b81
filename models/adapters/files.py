"""Names of an adapter's files: PEFT's of a low-rank one, and ours of a singular-value vector."""

SETTINGS, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
VECTOR = "vector.safetensors"
