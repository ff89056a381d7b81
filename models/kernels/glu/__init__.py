"""What lies between the two products of a feed-forward, and the cap on logits. See README.md."""
