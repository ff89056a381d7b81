"""Who may do what with collections and documents.

Grants decide who reads: a document is readable when a grant allows it (on it or its collection) and none
denies it. `collections.manage` sees and manages every collection of the tenant and its grants, but reads no
document that grants don't open to it. Whoever may read a document and holds `documents.write` may delete it.
"""

from secretariat.platform.access.caller import Caller


def manages_collections(caller: Caller) -> bool:
    return "collections.manage" in caller.permissions
