"""Ways to answer a tenant's own questions, side by side: from memory, from documents, with an adapter."""
