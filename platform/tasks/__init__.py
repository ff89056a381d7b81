"""Tasks: given, carried out by the agent loop event by event, watched, and cancelled."""
