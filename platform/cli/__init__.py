"""The command line: what an operator, an auditor and a model engineer type."""
