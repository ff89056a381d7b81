"""One small adapter for each foreign architecture: its configuration and tensor names to ours."""
