"""Reading evidence: the audit log, its verification, and exports that verify without the service."""
