"""What an agent can do: each tool's contract, the registry of all of them, and how one is carried out."""
