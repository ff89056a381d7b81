"""What `secretariat models add`, `plan`, `check`, `basis` and `remove` do.

In a process of its own, since it loads networks.
"""
