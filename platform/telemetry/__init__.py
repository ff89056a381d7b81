"""What operators read while the service runs: structured logs without content or secrets."""
