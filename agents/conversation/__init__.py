"""Answering a turn of a conversation: what is asked, where to look, what is quoted."""
