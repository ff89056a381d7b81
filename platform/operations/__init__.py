"""Running the service: background jobs, to be seen, cancelled and retried."""
