"""Who may do what: the catalogue of permissions, the caller, and the live authority over documents."""
