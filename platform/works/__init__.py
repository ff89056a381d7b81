"""Works: one tool on a document or a text, outside of any task: a cited summary, a translation, labels."""
