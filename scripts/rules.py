"""House rules that no linter knows, over the syntax tree. Each rule is a function from a module to findings."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOST_FILE_LINES, MOST_FUNCTION_LINES, MOST_CLASS_LINES = 400, 60, 250
QUERY_WORDS = frozenset({"select", "insert", "update", "delete"})
DUMPING_GROUNDS = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "shared"})
QUERY_HOMES = (
    *("contents/", "audit/", "db/", "access/", "tables/"),
    *("jobs/dispatcher.py", "web/idempotency.py", "health.py"),
)
UNBOUND_HOMES = ("db/", "tenants/", "identity/", "audit/sealer.py", "jobs/dispatcher.py", "health.py")


@dataclass(frozen=True, slots=True)
class Module:
    """`path` is relative to the repository's root."""

    path: PurePosixPath
    source: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def in_platform(self) -> str | None:
        """The path below platform/, if it is there."""
        return str(PurePosixPath(*self.path.parts[1:])) if self.path.parts[0] == "platform" else None


@dataclass(frozen=True, slots=True)
class Finding:
    path: PurePosixPath
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def sizes(module: Module) -> Iterator[Finding]:
    """Files, functions and classes stay small enough to read at once."""
    lines = module.source.count("\n")
    if lines > MOST_FILE_LINES:
        yield Finding(module.path, 1, f"{lines} lines; at most {MOST_FILE_LINES}. Split it by its nouns.")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            most = MOST_FUNCTION_LINES
        elif isinstance(node, ast.ClassDef):
            most = MOST_CLASS_LINES
        else:
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > most:
            yield Finding(module.path, node.lineno, f"{node.name} has {length} lines; at most {most}.")


def queries_in_repositories(module: Module) -> Iterator[Finding]:
    """SQL is written where it is looked for: in repository modules, over a tenant-bound session."""
    place = module.in_platform
    if place is None or module.path.name == "repository.py" or place.startswith(QUERY_HOMES):
        return
    imported = {
        alias.asname or alias.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in QUERY_WORDS | {"text"}
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in imported:
            yield Finding(module.path, node.lineno, f"{node.func.id}(…) belongs in a repository module.")


def commit_at_the_edge(module: Module) -> Iterator[Finding]:
    """One commit for one unit of work, made by the context manager of the session and nobody else."""
    place = module.in_platform
    if place is None or place.startswith("db/"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield Finding(module.path, node.lineno, "Sessions commit at the edge; services never do.")


def bound_sessions(module: Module) -> Iterator[Finding]:
    """A session without a tenant is for the few places that serve all tenants."""
    place = module.in_platform
    if place is None or place.startswith(UNBOUND_HOMES):
        return
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "unbound"
        ):
            yield Finding(module.path, node.lineno, "Use database.tenant(id): this place serves one tenant.")


def nouns_of_the_domain(module: Module) -> Iterator[Finding]:
    """A module is named after what it is about."""
    for part in (*module.path.parent.parts, module.path.stem):
        if part in DUMPING_GROUNDS:
            yield Finding(module.path, 1, f"{part!r} says nothing; name it after what it holds.")


RULES: tuple[Callable[[Module], Iterator[Finding]], ...] = (
    sizes,
    queries_in_repositories,
    commit_at_the_edge,
    bound_sessions,
    nouns_of_the_domain,
)


def modules(root: Path) -> Iterator[Module]:
    for folder in ("platform", "agents", "retrieval", "models", "tests", "scripts", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            relative = PurePosixPath(path.relative_to(root).as_posix())
            if "static" not in relative.parts and "node_modules" not in relative.parts:
                yield Module(relative, path.read_text(encoding="utf-8"))


def findings(root: Path) -> Iterator[Finding]:
    for module in modules(root):
        for rule in RULES:
            yield from rule(module)
