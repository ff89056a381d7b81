"""Each house rule finds what it forbids and passes what it allows."""

from pathlib import PurePosixPath

import pytest

from scripts import rules


def module(path: str, source: str) -> rules.Module:
    return rules.Module(PurePosixPath(path), source)


SELECT = "from sqlalchemy import select\nquery = select(1)\n"


@pytest.mark.parametrize(
    "place", ["platform/tasks/service.py", "platform/documents/endpoints.py", "platform/app.py"]
)
def test_a_query_outside_a_repository_is_found(place: str) -> None:
    assert [finding.line for finding in rules.queries_in_repositories(module(place, SELECT))] == [2]


@pytest.mark.parametrize(
    "place", ["platform/tasks/repository.py", "platform/audit/sealer.py", "retrieval/split.py"]
)
def test_a_query_in_its_home_is_allowed(place: str) -> None:
    assert list(rules.queries_in_repositories(module(place, SELECT))) == []


def test_a_renamed_import_does_not_hide_a_query() -> None:
    source = "from sqlalchemy import select as pick\npick(1)\n"
    assert len(list(rules.queries_in_repositories(module("platform/tasks/service.py", source)))) == 1


def test_a_service_that_commits_is_found() -> None:
    source = "async def work(session):\n    await session.commit()\n"
    assert len(list(rules.commit_at_the_edge(module("platform/tasks/service.py", source)))) == 1
    assert list(rules.commit_at_the_edge(module("platform/db/session.py", source))) == []


def test_a_session_without_a_tenant_is_found() -> None:
    source = "async def work(database):\n    async with database.unbound() as session:\n        pass\n"
    assert len(list(rules.bound_sessions(module("platform/tasks/service.py", source)))) == 1
    assert list(rules.bound_sessions(module("platform/jobs/dispatcher.py", source))) == []


def test_a_name_that_says_nothing_is_found() -> None:
    assert len(list(rules.nouns_of_the_domain(module("platform/utils/strings.py", "")))) == 1
    assert list(rules.nouns_of_the_domain(module("platform/kit/ids.py", ""))) == []


def test_sizes_are_limited() -> None:
    long_function = "def f():\n" + "    x = 1\n" * rules.MOST_FUNCTION_LINES
    long_file = "x = 1\n" * (rules.MOST_FILE_LINES + 1)
    assert len(list(rules.sizes(module("agents/plan.py", long_function)))) == 1
    assert len(list(rules.sizes(module("agents/plan.py", long_file)))) == 1
    assert list(rules.sizes(module("agents/plan.py", "x = 1\n"))) == []
