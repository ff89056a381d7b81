"""Who uses a model's directory: a server holds those it lists, and nobody takes away what is held.

A lock on the directory itself (flock(2)): the system gives it up when its process ends, however that ends, and
containers that share a volume see each other's.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def hold(path: Path) -> None:
    """The directory, or that of a file, until this process ends. Of one that isn't there, or whose file system has
    no locks, nothing is held."""
    directory = path.parent if path.is_file() else path
    with contextlib.suppress(OSError):
        fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextlib.contextmanager
def alone_with(directory: Path) -> Iterator[bool]:
    """Whether nobody holds it, and nobody begins to while this lasts. Raises OSError if it can't be opened."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        yield _locked(opened)
    finally:
        os.close(opened)


def _locked(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here: then nobody holds one
        return True
    return True
