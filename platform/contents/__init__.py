"""The one home of content: encrypted words and files, by id, under per-tenant data keys."""
