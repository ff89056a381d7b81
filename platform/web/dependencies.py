"""What every endpoint may ask for, whoever calls it."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from secretariat.platform.services import Services


def get_services(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


def get_request_id(connection: HTTPConnection) -> str:
    """The id that the request came with or was given."""
    request_id = connection.scope["state"]["request_id"]
    assert isinstance(request_id, str)
    return request_id


def client_ip(connection: HTTPConnection) -> str | None:
    """The address of the peer, or what a proxy that the operator trusts says it is (`trusted_proxies`)."""
    return connection.client.host if connection.client else None


ServicesDep = Annotated[Services, Depends(get_services)]
RequestIdDep = Annotated[str, Depends(get_request_id)]
