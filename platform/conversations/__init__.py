"""Conversations: turns that are answered from documents and from what was said before."""
