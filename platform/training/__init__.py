"""Training as a service: jobs over a tenant's own examples, adapters with a gate before they serve,
comparisons."""
