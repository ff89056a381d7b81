"""Which instruction sets this processor has, and how to compile for each.

An answer's bits depend on the set, so its name goes into the record of the answer.
"""

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class Isa:
    """`needs`: flags of /proc/cpuinfo without which its code would be an illegal instruction."""

    name: str
    flags: tuple[str, ...]
    needs: frozenset[str]


_AVX2 = frozenset({"avx2", "fma", "f16c"})
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512cd"}
_WIDE = "-mprefer-vector-width=512"
ISAS = {
    isa.name: isa
    for isa in (
        Isa(
            "avx512bf16",
            ("-march=x86-64-v4", "-mavx512vnni", "-mavx512bf16", "-mavx512vbmi", _WIDE),
            _AVX512 | {"avx512_vnni", "avx512_bf16", "avx512vbmi"},
        ),
        Isa(
            "avx512vnni",
            ("-march=x86-64-v4", "-mavx512vnni", "-mavx512vbmi", _WIDE),
            _AVX512 | {"avx512_vnni", "avx512vbmi"},
        ),
        Isa("avx512", ("-march=x86-64-v4", _WIDE), _AVX512),
        Isa("avx2", ("-march=x86-64-v3",), _AVX2),
        Isa("portable", (), frozenset()),
    )
}


@cache
def available() -> tuple[Isa, ...]:
    """Those this machine can run, fastest first.

    Intel's processors take bfloat16 dot products at a quarter of the rate of float32 multiply-adds (measured on
    Sapphire Rapids), so there the set without them goes first: it is faster, and rounds less.
    """
    has = frozenset(_cpu("flags").split()) if platform.machine() == "x86_64" else frozenset[str]()
    found = [isa for isa in ISAS.values() if isa.needs <= has]
    if _cpu("vendor_id") == "GenuineIntel":
        found.sort(key=lambda isa: isa.name != "avx512vnni")  # stable: the others keep their order
    return tuple(found)


def fastest() -> Isa:
    return available()[0]


def named(name: str) -> Isa:
    """Raises ModelError invalid_request for one that is unknown or that this processor lacks."""
    for isa in available():
        if isa.name == name:
            return isa
    choices = ", ".join(isa.name for isa in available())
    raise ModelError(
        "invalid_request",
        f"no instruction set {name!r} on this processor: SECRETARIAT_ISA takes {choices} or none",
    )


def _cpu(field: str) -> str:
    """What /proc/cpuinfo says of the first processor; empty where it says nothing."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""
