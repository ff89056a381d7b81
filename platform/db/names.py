"""Rows whose names are unique: the database decides who was first, also between two at once."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from secretariat.platform.db.base import Base
from secretariat.platform.db.session import TenantSession


async def add_unless_taken(session: TenantSession, row: Base) -> bool:
    """False when the name is taken, also by somebody who was faster."""
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    await session.refresh(row)
    return True


async def change_unless_taken(session: TenantSession, row: Base, changes: Mapping[str, Any]) -> bool:
    """False when the new name is taken, also by somebody who was faster; the row is then of no more use."""
    try:
        async with session.begin_nested():
            for name, value in changes.items():
                setattr(row, name, value)
    except IntegrityError:
        return False
    return True
