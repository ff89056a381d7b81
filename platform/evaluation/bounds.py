"""A mean with its bounds, on the wire."""

from pydantic import BaseModel


class Bounds(BaseModel):
    """A mean over the questions, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float
