"""Who may do what with collections and documents.

Grants decide who reads: a document is readable when a grant allows it (on it or its collection) and none
denies it. `collections.manage` sees and manages every collection of the tenant and its grants, but reads no
document that grants don't open to it. A document is changed and deleted, besides by who brought it in, by who
manages collections, and by nobody who can't read it.
"""

from secretariat.platform.access.caller import Caller
from secretariat.platform.tables.documents import Document


def manages_collections(caller: Caller) -> bool:
    return "collections.manage" in caller.permissions


def changes(caller: Caller, document: Document) -> bool:
    """Whether a caller who reads it may replace, rename or delete it, too."""
    return document.created_by == caller.user_id or manages_collections(caller)
