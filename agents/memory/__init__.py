"""What is remembered of a conversation: which sentences, in which order they come to mind, and a summary."""
