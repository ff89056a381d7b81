"""How a job ends when it doesn't just end."""


class LeaseLostError(Exception):
    """Another worker holds the job now: stop at once and write nothing more."""


class JobFailedError(Exception):
    """A final failure: trying again would fail the same way."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JobCancelledError(Exception):
    """The job was asked to stop and has done so."""
