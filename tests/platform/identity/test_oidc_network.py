"""Where an administrator of a tenant can't make this service look around."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from secretariat.platform.app import create_app
from secretariat.platform.identity.connections import check_provider_url
from secretariat.platform.identity.oidc.errors import OidcError
from secretariat.platform.identity.oidc.network import Networks, Pinned
from secretariat.platform.identity.oidc.provider import Providers
from secretariat.platform.settings import Settings
from secretariat.platform.web.errors import InvalidError
from tests.support.app import make_services
from tests.support.factories import make_person
from tests.support.providers import LoopbackProvider, running_provider

INTERNET, EVERYWHERE = Networks(), Networks(private=True, loopback=True)
ON_THE_INTERNET = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"]
PRIVATE = ["10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"]
ON_LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "240.0.0.1",
    "198.18.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
]


@pytest.mark.parametrize("address", ON_THE_INTERNET + PRIVATE + ON_LOOPBACK + NEVER)
def test_where_providers_may_be(address):
    allowed = {
        networks: networks.allow(ipaddress.ip_address(address))
        for networks in (INTERNET, Networks(private=True), Networks(loopback=True), EVERYWHERE)
    }
    assert [network for network, yes in allowed.items() if yes] == (
        list(allowed)
        if address in ON_THE_INTERNET
        else [Networks(private=True), EVERYWHERE]
        if address in PRIVATE
        else [Networks(loopback=True), EVERYWHERE]
        if address in ON_LOOPBACK
        else []
    )


def test_only_the_internet_unless_the_operator_says_otherwise():
    assert Networks.of(Settings()) == INTERNET


@pytest.mark.parametrize(
    "issuer",
    [
        "http://127.0.0.1:9000",
        "https://localhost",
        "https://LOCALHOST.",
        "https://id.localhost",
        "https://[::1]:8443",
        "https://10.1.2.3",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://0.0.0.0",
    ],
)
async def test_a_connection_to_a_refused_address_is_not_made(database, tenant, issuer):
    app = create_app(services := make_services(database, sso_loopback=False))
    person = await make_person(app, services, tenant, "owner")
    body = {"name": "SSO", "issuer": issuer, "client_id": "c"}
    assert (await person.client.post("/api/v1/connections", json=body)).status_code == 422
    await person.client.aclose()
    await services.models.aclose()
    with pytest.raises(InvalidError):
        check_provider_url(issuer, INTERNET)


@pytest.fixture
def provider() -> Iterator[LoopbackProvider]:
    with running_provider() as made:
        yield made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the resolver says of these names."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int | None, *args: int, **options: int) -> list[object]:
        found = known.get(host, [host])
        return [entry for address in found for entry in real(address, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


async def ask(networks: Networks, url: str) -> httpx2.Response:
    transport = Pinned(httpx2.AsyncHTTPTransport(), networks)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        return await client.get(url)


async def test_a_name_that_leads_inside_is_not_asked(provider, names):
    port = provider.issuer.rsplit(":", 1)[1]
    names["inside.example"] = ["127.0.0.1"]
    names["both.example"] = ["93.184.215.14", "127.0.0.1"]
    for name in ("inside.example", "both.example", "127.0.0.1"):
        with pytest.raises(OidcError) as refusal:
            await ask(INTERNET, f"http://{name}:{port}/jwks")
        assert refusal.value.reason == "address_refused"
    assert provider.asked == []


async def test_what_was_judged_is_what_is_connected_to(provider, names, monkeypatch):
    """A second answer of the resolver, after the judgement, is never asked for."""
    port = provider.issuer.rsplit(":", 1)[1]
    names["id.example"] = ["127.0.0.1"]
    sent: list[httpx2.Request] = []
    real = httpx2.AsyncHTTPTransport.handle_async_request

    async def seen(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        names["id.example"] = ["127.0.0.2"]
        sent.append(request)
        return await real(self, request)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", seen)
    answer = await ask(Networks(loopback=True), f"http://id.example:{port}/jwks")
    assert answer.status_code == 200
    (request,) = sent
    assert request.url.host == "127.0.0.1"
    assert request.headers["host"] == f"id.example:{port}"
    assert request.extensions["sni_hostname"] == "id.example"


async def test_the_next_address_is_tried_when_one_does_not_answer(provider, names):
    port = provider.issuer.rsplit(":", 1)[1]
    names["id.example"] = ["::1", "127.0.0.1"]
    answer = await ask(Networks(loopback=True), f"http://id.example:{port}/jwks")
    assert answer.status_code == 200


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint", "userinfo_endpoint"])
async def test_no_endpoint_of_a_document_leads_inside(provider, names, endpoint):
    """The document itself is allowed; what it points to is judged again."""
    provider.document = {endpoint: "https://inside.example:1/x"}
    names["inside.example"] = ["169.254.169.254"]
    providers = Providers(Networks(loopback=True))
    found = await providers.discover(uuid4(), provider.issuer)
    with pytest.raises(OidcError) as refusal:
        if endpoint == "jwks_uri":
            await providers.keys(uuid4(), found)
        elif endpoint == "token_endpoint":
            await providers.exchange(found.token_endpoint, "c", "s", "client_secret_basic", {"code": "x"})
        else:
            assert found.userinfo_endpoint is not None
            await providers.get_json(found.userinfo_endpoint)
    assert refusal.value.reason == "address_refused"


async def test_a_name_without_address_is_a_provider_that_does_not_answer():
    providers = Providers(INTERNET)
    with pytest.raises(OidcError) as refusal:
        await providers.discover(uuid4(), "https://nowhere.invalid")
    assert refusal.value.reason == "provider_unreachable"


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A TLS server on loopback whose certificate is for id.example, and a client's trust in it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "id.example")])
    begins = datetime.now(UTC) - timedelta(minutes=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("id.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(pem + secret)
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(tmp_path / "both.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes are the point
    server.socket = of_server.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_port, ssl.create_default_context(cadata=pem.decode())
    server.shutdown()
    server.server_close()
    thread.join()


async def test_the_certificate_must_be_for_the_name_not_the_address(tls_port, names):
    port, trust = tls_port
    names["id.example"] = names["other.example"] = ["127.0.0.1"]
    transport = Pinned(httpx2.AsyncHTTPTransport(verify=trust), Networks(loopback=True))
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        assert (await client.head(f"https://id.example:{port}/none")).status_code == 404
        for name in ("other.example", "127.0.0.1"):
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.head(f"https://{name}:{port}/none")
