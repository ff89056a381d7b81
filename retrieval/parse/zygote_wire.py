"""What zygote, service and children say to each other about a child's life."""

import struct

STARTED = b"started"
STATUS = struct.Struct("=i")
"""The exit status as Python gives it: negative is the signal that ended the process."""
EXIT_NO_PAGE = 4
MOST_BYTES = 16 * 1024
