"""What `secretariat models add`, `plan` and `check` do, in a process of its own since it loads networks."""
