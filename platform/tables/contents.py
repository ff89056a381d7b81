"""The one home of content: everything that people or models wrote, encrypted; all else refers by id."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Integer
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class Content(Identified, Base):
    """`sealed` is AES-256-GCM over salt || payload; `commitment` is SHA-256 of salt || payload, hex."""

    __tablename__ = "contents"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "key_id"], ["data_keys.tenant_id", "data_keys.id"]),)

    key_id: Mapped[UUID]
    media_type: Mapped[str]
    size: Mapped[int]
    commitment: Mapped[str]
    sealed: Mapped[bytes]


class Blob(Identified, Base):
    """An original file; its bytes are in pieces of 1 MB."""

    __tablename__ = "blobs"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "key_id"], ["data_keys.tenant_id", "data_keys.id"]),)

    key_id: Mapped[UUID]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]


class BlobPiece(TenantRow, Base):
    __tablename__ = "blob_pieces"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "blob_id"], ["blobs.tenant_id", "blobs.id"], ondelete="CASCADE"),
    )

    blob_id: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    sealed: Mapped[bytes]
