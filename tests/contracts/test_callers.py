"""No route of the API answers without knowing who asks, but for those that are written down here."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from secretariat.platform.access.permissions import BUILTIN_ROLES, PERMISSIONS
from secretariat.platform.identity.callers import current_caller
from secretariat.platform.web.routing import PlatformRoute
from tests.support.factories import browser, make_person
from tests.support.openapi import Operation, operations

PUBLIC = {
    "liveness",
    "health",
    "readiness",
    "sign_in",
    "sign_in_options",
    "sign_in_by_link",
    "start_sso",
    "finish_sso",
}
# Signed in is enough: they show what every member of the tenant may know.
WITHOUT_PERMISSION = {"who_am_i", "sign_out", "get_tenant", "list_roles", "get_role", "list_permissions"}


def routes(app: FastAPI) -> Iterator[Any]:
    for context in iter_route_contexts(app.routes):
        if getattr(context, "dependant", None) is not None:
            yield context


def calls(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from calls(each)


def permissions(context: Any) -> set[str]:
    return {call.permission for call in calls(context.dependant) if hasattr(call, "permission")}


def test_every_route_asks_who_calls(app):
    open_ones = {
        context.operation_id or context.path
        for context in routes(app)
        if current_caller not in set(calls(context.dependant))
    }
    assert open_ones == PUBLIC | {"/docs", "/docs/style.css"}


def test_every_route_names_the_permission_that_it_needs(app):
    lacking = {
        context.operation_id
        for context in routes(app)
        if current_caller in set(calls(context.dependant)) and not permissions(context)
    }
    assert lacking == WITHOUT_PERMISSION


def test_every_permission_of_the_catalogue_guards_something(app):
    used = {permission for context in routes(app) for permission in permissions(context)}
    assert used == PERMISSIONS


# The OpenAI dialect knows no Idempotency-Key; its answers may be streams.
OPENAI = {"create_chat_completion", "create_embeddings"}


def test_answers_are_kept_for_idempotency_keys_on_every_post(app):
    plain = {
        context.operation_id
        for context in routes(app)
        if "POST" in (context.methods or ())
        and current_caller in set(calls(context.dependant))
        and not isinstance(context.original_route, PlatformRoute)
    }
    assert plain <= OPENAI


def guarded(app: FastAPI) -> list[Operation]:
    return [each for each in operations(app.openapi()) if each.id not in PUBLIC]


def test_the_document_says_which_routes_need_credentials(app):
    assert all(operation.spec.get("security") for operation in guarded(app))
    for operation in operations(app.openapi()):
        if operation.id in PUBLIC:
            assert not operation.spec.get("security"), operation.id


def test_every_operation_has_a_name_and_a_tag_of_its_own(app):
    names = [operation.id for operation in operations(app.openapi())]
    assert len(names) == len(set(names))
    assert all(operation.spec.get("tags") for operation in operations(app.openapi()))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": f"Bearer sk_{'0' * 32}_{'0' * 32}_{'A' * 43}"},
        {"authorization": "Basic YTpi"},
        {"cookie": f"secretariat_session={'0' * 32}.{'0' * 32}.{'A' * 43}"},
        {"cookie": "secretariat_session=' OR 1=1 --"},
    ],
    ids=["nothing", "nonsense", "unknown key", "basic", "unknown session", "injection"],
)
async def test_without_credentials_there_is_a_401_and_nothing_else(app, headers):
    async with browser(app) as client:
        client.headers.update(headers)
        for operation in guarded(app):
            answer = await operation.call(client, dict.fromkeys(operation.ids_in("path"), "0" * 32))
            assert answer.status_code == 401, f"{operation.id}: {answer.text}"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("role", [None, *BUILTIN_ROLES])
async def test_each_role_passes_where_its_permissions_say_so(app, services, tenant, role):
    """The matrix of routes and roles, taken from the routes themselves."""
    person = await make_person(app, services, tenant, role)
    held = BUILTIN_ROLES[role] if role else frozenset()
    needed = {context.operation_id: permissions(context) for context in routes(app)}
    for operation in guarded(app):
        if needed[operation.id] <= held or (operation.method == "DELETE" and operation.id == "sign_out"):
            continue
        answer = await operation.call(person.client, dict.fromkeys(operation.ids_in("path"), "0" * 32))
        assert answer.status_code == 403, f"{operation.id}: {answer.status_code} {answer.text}"
    await person.client.aclose()


async def test_a_refusal_names_the_permission_and_is_on_record(app, services, tenant, owner):
    member = await make_person(app, services, tenant, "member")
    answer = await member.client.get("/api/v1/users")
    assert answer.status_code == 403
    assert answer.json()["code"] == "PERMISSION_MISSING"
    assert "users.manage" in answer.json()["detail"]
    found = await owner.client.get(
        "/api/v1/audit/records", params={"outcome": "denied", "actor_id": str(member.id)}
    )
    records = found.json()["data"]
    assert [record["action"] for record in records] == ["permission.check"]
    assert records[0]["resource"]["id"] == "users.manage"
