"""Why the stack can't start, in words that say what to do."""


class StackError(Exception):
    """Shown to the operator as it is."""
