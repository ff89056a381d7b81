"""The real parts that an installation without outside services brings along, as child processes."""
