"""The web service: `create_app` puts the parts together, `main` serves them."""

import asyncio
import logging

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from secretariat.platform import composition
from secretariat.platform.console_files import mount_console
from secretariat.platform.docs_page import mount_docs
from secretariat.platform.health import router as health
from secretariat.platform.identity.oidc.network import Networks
from secretariat.platform.identity.oidc.provider import Providers
from secretariat.platform.routes import ROUTERS
from secretariat.platform.services import Services
from secretariat.platform.settings import MEGABYTE, Settings
from secretariat.platform.telemetry.logs import configure_logs
from secretariat.platform.web.middleware import PlainRefusals, RequestId, SecurityHeaders
from secretariat.platform.web.openapi import install_openapi
from secretariat.platform.web.problems import install_problem_handlers

LARGEST_BODY = MEGABYTE  # of a route that doesn't set its own `max_body_size`


class Application(FastAPI):
    """FastAPI with our layers around everything, also around its own last resort and body limit."""

    tls = False

    def build_middleware_stack(self) -> ASGIApp:
        inner = super().build_middleware_stack()
        return RequestId(SecurityHeaders(PlainRefusals(inner), tls=self.tls))


def create_app(services: Services) -> FastAPI:
    """The application over services that the caller made and will close."""
    app = Application(
        title="Secretariat",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        max_body_size=LARGEST_BODY,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.tls = services.settings.secure_cookies
    app.state.services = services
    app.state.providers = Providers(Networks.of(services.settings))
    install_problem_handlers(app)
    for router in (health, *ROUTERS):
        app.include_router(router)
    install_openapi(app)
    mount_docs(app)
    mount_console(app)
    return app


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """Who a request comes from is the peer; what a header says counts from trusted proxies only."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=10,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )


async def serve(settings: Settings) -> None:
    """Until a signal; then finishes what is under way and closes its connections."""
    services, _celery = composition.make_services(settings)
    server = uvicorn.Server(server_config(create_app(services), settings))
    try:
        await server.serve()
    finally:
        await composition.close(services)


def main() -> None:
    configure_logs()
    asyncio.run(serve(Settings()))


if __name__ == "__main__":
    main()
