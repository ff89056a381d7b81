"""`python -m secretariat.platform.training.leash FOLDER WORKER`: becomes the training process of a folder.

On a leash: it ends when its worker does, however that ends (prctl(2)), and keeps state first. Alone: whoever comes
later waits until the one before has let go of the folder (flock(2)). Loads nothing itself.
"""

import ctypes
import fcntl
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_LOCK = "lock"


def main(folder: str, worker: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != worker:  # it ended before the leash was on
        return
    lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)  # noqa: PTH118
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    os.execv(sys.executable, [sys.executable, "-m", "secretariat.models.training", folder])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
