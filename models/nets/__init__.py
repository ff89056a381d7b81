"""Neural networks in plain torch. They know token ids and tensors, never requests, prompts or tenants."""
