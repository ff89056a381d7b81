"""The experts that a served model brings: adapters of it in its folder, and the router that chooses among them.

`experts.json`: {"model"?, "general", "experts": {name: {"about", "adapter"?, "documents"?, "labels"?,
"forms"?}}}; `router/` beside it. "model" names the weights' folder beside this one; without it they lie in this
one. "adapter" is a folder in it. Loads no torch and no adapter: `serving/loading.py` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from secretariat.models.adapters.files import SETTINGS
from secretariat.models.checkpoints.json_file import read_json
from secretariat.models.core import ChatRequest
from secretariat.models.errors import ModelError
from secretariat.models.experts.form import Form, answers, form_of
from secretariat.models.experts.router import Route, Router
from secretariat.models.experts.router_files import TENSORS, read_router

FILE, ROUTER = "experts.json", "router"
_OURS = "expert/"  # no name that a request's path can hold


@dataclass(frozen=True, slots=True)
class Member:
    """`folder` None: the model itself. `documents`: for answers out of given texts, whatever they are about.
    `labels`: for which of several labels fits a text, asked without a conversation.
    `forms`: it answers these alone, empty for all; elsewhere words like its own mean somebody else."""

    name: str
    about: str
    folder: Path | None = None
    documents: bool = False
    labels: bool = False
    forms: tuple[Form, ...] = ()

    @property
    def served_name(self) -> str | None:
        """Of its adapter in the server."""
        return None if self.folder is None else f"{_OURS}{self.name}"


@dataclass(frozen=True)
class Team:
    """`router` None: who isn't sure to be meant by a request's form leaves it to the general one."""

    general: Member
    members: tuple[Member, ...]
    router: Router | None

    @property
    def adapters(self) -> dict[str, Path]:
        """By the names that the server has for them."""
        return {
            member.served_name: member.folder
            for member in self.members
            if member.served_name is not None and member.folder is not None
        }

    @property
    def rank(self) -> int:
        """The largest of its adapters. Raises ModelError adapter_invalid."""
        return max((_rank(folder) for folder in self.adapters.values()), default=0)

    def chosen(self, request: ChatRequest, route: Route) -> Member:
        """Whom the router says, if that one answers requests of this form."""
        member = next(member for member in self.members if member.name == route.expert)
        return member if answers(member.forms, form_of(request)) else self.general

    def sure(self, request: ChatRequest) -> Member | None:
        """Whom the form of a request says: who gives texts to answer from means who answers from texts, who asks
        for a call or a plan over tools means the one who alone names that form."""
        form = form_of(request)
        if form in ("documents", "span"):
            return next((member for member in self.members if member.documents), None)
        meant = [member for member in self.members if form in ("call", "plan") and form in member.forms]
        return meant[0] if len(meant) == 1 else None


def is_member(adapter: str) -> bool:
    """Whether a server's name of an adapter is that of an expert, which no request loads or unloads."""
    return adapter.startswith(_OURS)


def weights_folder(folder: Path) -> Path:
    """Where the weights are of the model in `folder`: there, or in the folder that its experts name.

    Raises ModelError checkpoint_invalid.
    """
    if not (folder / FILE).is_file():
        return folder
    named = read_json(folder / FILE).get("model")
    if named is None:
        return folder
    if not isinstance(named, str) or Path(named).name != named:
        raise _invalid(f"model {named!r} is no name of a folder")
    return folder.parent / named


def read_team(folder: Path) -> Team | None:
    """None where a model has no experts. Raises ModelError checkpoint_invalid, or as `read_router`."""
    if not (folder / FILE).is_file():
        return None
    told = read_json(folder / FILE)
    listed = told.get("experts")
    if not isinstance(listed, dict) or told.get("general") not in listed:
        raise _invalid("general is none of the experts")
    members = tuple(_member(folder, name, one) for name, one in listed.items())
    router = read_router(folder / ROUTER) if (folder / ROUTER / TENSORS).is_file() else None
    if router is not None and set(router.experts) - {member.name for member in members}:
        raise _invalid("its router chooses experts that aren't there")
    general = next(member for member in members if member.name == told["general"])
    return Team(general, members, router)


def _member(folder: Path, name: str, told: Any) -> Member:
    if not isinstance(told, Mapping) or not isinstance(told.get("about", ""), str):
        raise _invalid(f"{name} is no object with a text about it")
    forms = told.get("forms", [])
    if wrong := [flag for flag in ("documents", "labels") if not isinstance(told.get(flag, False), bool)]:
        raise _invalid(f"{name}: {wrong[0]} is neither true nor false")
    if not isinstance(forms, list) or not set(forms) <= set(get_args(Form)):
        raise _invalid(f"{name}: forms are not some of {', '.join(get_args(Form))}")
    return Member(
        name,
        told.get("about", ""),
        _adapter(folder, name, told.get("adapter")),
        told.get("documents", False),
        told.get("labels", False),
        tuple(forms),
    )


def _adapter(folder: Path, name: str, adapter: Any) -> Path | None:
    if adapter is None:
        return None
    path = PurePosixPath(adapter) if isinstance(adapter, str) else None
    if path is None or path.is_absolute() or ".." in path.parts or not (folder / path).is_dir():
        raise _invalid(f"{name}: adapter {adapter!r} is no folder in {folder.name}")
    return folder / path


def _rank(folder: Path) -> int:
    rank = read_json(folder / SETTINGS).get("r")
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ModelError("adapter_invalid", f"{folder.name}: {SETTINGS} states no rank r")
    return rank


def _invalid(problem: str) -> ModelError:
    return ModelError("checkpoint_invalid", f"{FILE}: {problem}")
