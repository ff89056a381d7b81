"""Sizes of memory as people write them.

Memory is sold and measured in powers of two, so GB means 2³⁰ bytes here as GiB does.
"""

import re

from secretariat.models.errors import ModelError

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:I?B)?", re.IGNORECASE)
_COUNT = re.compile(r"(\d+)\s*([KM]?)", re.IGNORECASE)


def bytes_of(text: str) -> int:
    """ "80GB", "24 GiB" or "512M". Raises ModelError("invalid_request")."""
    if match := _SIZE.fullmatch(text.strip()):
        return int(float(match[1]) * (1 << _UNITS[match[2].upper()]))
    raise ModelError("invalid_request", f"{text!r} is no size of memory such as 80GB", param="device")


def tokens_of(text: str) -> int:
    """ "262144" or "256K". Raises ModelError("invalid_request")."""
    match = _COUNT.fullmatch(text.strip())
    if match and int(match[1]):
        return int(match[1]) << _UNITS[match[2].upper()]
    raise ModelError("invalid_request", f"{text!r} is no number of tokens such as 256K", param="context")
