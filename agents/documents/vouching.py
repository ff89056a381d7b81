"""What a quote can't vouch for in a new wording: a number or a name that it lacks, a denial more or less.

Closeness in meaning doesn't tell these apart ("may" from "may not", 12 from 21), so they are compared as words.
Which number belongs to which name isn't compared.
"""

import re
from collections.abc import Iterator

_WORD = re.compile(r"[\w'’-]*\w")
_NUMBER = re.compile(r"\d[\d.,:]*")
_DENIAL = re.compile(
    r"\b(?:not?|never|none|nobody|nothing|neither|nor|without|cannot|unless|except|\w+n['’]t"
    r"|nicht|kein\w*|nie|niemals|ohne|sin|nunca|ning[uú]n\w*)\b",
    re.IGNORECASE,
)
_OPENINGS = """a all an and any anyone as at both but by each every everyone for from he here his how if in it
    its many most of on one only or our people she since some somebody someone such that the their then there these
    they this those to we what when where which while who with you your"""
_OPENING = frozenset(_OPENINGS.split())


def brings_in(wording: str, quote: str) -> bool:
    """Whether the wording says something that the quote can't vouch for."""
    if len(_DENIAL.findall(wording)) != len(_DENIAL.findall(quote)):
        return True
    there = {word.lower() for word in _WORD.findall(quote)}
    new_names = any(name.lower() not in there for name in _names(wording))
    return new_names or bool(_numbers(wording) - _numbers(quote))


def _numbers(text: str) -> set[str]:
    return {match[0].rstrip(".,:") for match in _NUMBER.finditer(text)}


def _names(text: str) -> Iterator[str]:
    """Words with a capital, unless they are such as many sentences begin with."""
    return (word for word in _WORD.findall(text) if word[0].isupper() and word.lower() not in _OPENING)
