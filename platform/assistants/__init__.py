"""Assistants: a name, instructions and the collections that tasks given to them look into."""
