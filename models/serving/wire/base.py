"""What every request shape has in common: unknown fields are refused, a null is an absent field."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, model_validator

NonEmpty = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")]
TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]

_KINDS: dict[type, str] = {str: "texts", int: "numbers", list: "lists"}


def told_apart(*shapes: str) -> Discriminator:
    """For a union of types tagged with `shapes`: "text", or by its first entry a list of "texts", "numbers" or
    "lists". Anything else counts as the last of them, so that an error speaks of one alternative alone."""

    def shape(value: Any) -> str:
        found = "text" if isinstance(value, str) else "list"
        if isinstance(value, list) and value:
            found = _KINDS.get(type(value[0]), found)
        return found if found in shapes else shapes[-1]

    return Discriminator(shape)


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data
