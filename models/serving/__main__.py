"""`python -m secretariat.models.serving`."""

import os
import sys


def main() -> None:
    # Before torch is loaded: by default its threads spin while they wait for each other, which on cores shared
    # with a database and a worker slows a step down by up to seven times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from secretariat.models.serving.process import serve

    serve(sys.argv[1:])


if __name__ == "__main__":
    main()
