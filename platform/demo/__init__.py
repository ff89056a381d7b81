"""The main job, shown: the demo drives the running service over its public API, as a customer would."""
