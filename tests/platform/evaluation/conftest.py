"""These tests are about the platform; a double stands in for the model server."""

from tests.support.model_server_double import app, double, model_server, services

__all__ = ["app", "double", "model_server", "services"]
