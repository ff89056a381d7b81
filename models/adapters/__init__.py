"""Adapters in files: LoRA in PEFT's layout, singular-value vectors in our own."""
