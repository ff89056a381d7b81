"""Why a sign-in through a provider was refused. `reason` goes on record, `detail` to the person."""

from typing import ClassVar

from secretariat.platform.web.errors import PlatformError


class OidcError(PlatformError):
    status: ClassVar[int] = 400
    code: ClassVar[str] = "SSO_FAILED"
    title: ClassVar[str] = "Single sign-on did not complete"

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(detail or "The identity provider's answer could not be accepted. Try again.")
        self.reason = reason


class AccountConflictError(OidcError):
    """An account that exists is never handed to whoever controls an address at some provider."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "ACCOUNT_EXISTS"

    def __init__(self) -> None:
        super().__init__(
            "account_exists",
            "There is an account with this e-mail address that isn't linked to this provider. "
            "Ask an administrator.",
        )
