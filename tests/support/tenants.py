"""One tenant with one of everything, and which of its ids each parameter name of the API means.

A slice that brings a new id parameter adds its thing here; the two-tenant test fails until it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from fastapi import FastAPI

from secretariat.platform.access import repository as access
from secretariat.platform.access.grants import grant
from secretariat.platform.audit.event import AuditEvent, ContentRef, Resource
from secretariat.platform.audit.record import record
from secretariat.platform.db.session import TenantSession
from secretariat.platform.jobs.queue import Subject, enqueue
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.audit import Export
from secretariat.platform.tables.conversations import ConversationRow, TurnRow, WorkRow
from secretariat.platform.tables.documents import Collection, Document
from secretariat.platform.tables.evaluations import EvaluationRow, EvaluationScore, QuestionRow, QuestionSet
from secretariat.platform.tables.identity import ApiKey, Group, GroupMember, SignInConnection
from secretariat.platform.tables.tasks import Artifact, Assistant, TaskRow
from secretariat.platform.tables.training import (
    AdapterEvaluationRow,
    AdapterRow,
    ComparisonRow,
    TrainingExampleRow,
    TrainingJobRow,
    TrainingMetricRow,
    TrainingUploadRow,
)
from tests.support.factories import Person, as_caller, make_person, make_tenant, make_user

CANARY = "canary-b61f-of-the-other-tenant"

_SETTINGS = {
    "learn": {"kind": "lora", "rank": 8, "rank_stabilised": False},
    "budget": {"tokens": 1, "minutes": None},
    "steps": 1,
    "learning_rate": 0.1,
    "held_out_share": 0.1,
    "early_stopping": True,
    "seed": 0,
}


@dataclass
class World:
    """`ids` maps parameter names to the id of this tenant's one thing of that kind."""

    owner: Person
    ids: dict[str, UUID] = field(default_factory=dict)

    @property
    def principals(self) -> Mapping[str, str]:
        return {"user": f"user:{self.ids['user_id']}", "group": f"group:{self.ids['group_id']}"}


async def make_world(app: FastAPI, services: Services, name: str) -> World:
    tenant = await make_tenant(services.database, name)
    owner = await make_person(app, services, tenant, "owner")
    user = await make_user(services.database, tenant, "member", name=CANARY)
    world = World(owner, {"tenant_id": tenant.id, "user_id": user.id, "actor_id": user.id})
    async with services.database.tenant(tenant.id) as session:
        await _identity(session, services, world)
        await _documents(session, services, world)
        await _work(session, services, world)
        await _evidence(session, services, world)
        await _conversation(session, services, world)
        await _evaluation(session, services, world)
        await _training(session, services, world)
        await _adapter(session, services, world)
    return world


async def _identity(session: TenantSession, services: Services, world: World) -> None:
    tenant_id, user_id = session.tenant_id, world.ids["user_id"]
    group = Group(tenant_id=tenant_id, id=new_id(), name=CANARY)
    session.add(group)
    await session.flush()
    session.add(GroupMember(tenant_id=tenant_id, group_id=group.id, user_id=user_id))
    key = ApiKey(
        tenant_id=tenant_id, id=new_id(), user_id=user_id, name=CANARY, secret_hmac=b"x" * 32, permissions=[]
    )
    connection = SignInConnection(
        tenant_id=tenant_id,
        id=new_id(),
        name=CANARY,
        kind="oidc",
        issuer="https://id.example",
        client_id="client",
        default_role="member",
    )
    session.add_all([key, connection])
    await session.flush()
    role = (await access.roles_named(session, ["member"]))[0]
    world.ids |= {
        "group_id": group.id,
        "key_id": key.id,
        "connection_id": connection.id,
        "role_id": role.id,
    }


async def _documents(session: TenantSession, services: Services, world: World) -> None:
    tenant_id = session.tenant_id
    collection = Collection(tenant_id=tenant_id, id=new_id(), name=CANARY, created_by=world.owner.id)
    session.add(collection)
    await session.flush()
    allowed = await grant(session, "collection", collection.id, "everyone", "allow", world.owner.id)

    async def pieces():
        yield CANARY.encode()

    blob = await services.blobs.put(session, pieces(), "text/plain")
    words = await services.contents.put(session, CANARY)
    document = Document(
        tenant_id=tenant_id,
        id=new_id(),
        collection_id=collection.id,
        name=f"{CANARY}.txt",
        title=CANARY,
        media_type="text/plain",
        size=blob.size,
        sha256=blob.sha256,
        blob_id=blob.id,
        text_id=words.id,
        status="ready",
        created_by=world.owner.id,
    )
    session.add(document)
    await session.flush()
    world.ids |= {"collection_id": collection.id, "document_id": document.id, "grant_id": allowed.id}


async def _work(session: TenantSession, services: Services, world: World) -> None:
    tenant_id = session.tenant_id
    assistant = Assistant(tenant_id=tenant_id, id=new_id(), name=CANARY, created_by=world.owner.id)
    request = await services.contents.put(session, CANARY)
    report = await services.contents.put_json(session, {"title": CANARY, "markdown": CANARY})
    session.add(assistant)
    await session.flush()
    task = TaskRow(
        tenant_id=tenant_id,
        id=new_id(),
        request_id=request.id,
        assistant_id=assistant.id,
        created_by=world.owner.id,
        status="completed",
        finished_at=now(),
    )
    session.add(task)
    await session.flush()
    artifact = Artifact(
        tenant_id=tenant_id,
        id=new_id(),
        task_id=task.id,
        effect_key="report",
        media_type="text/markdown",
        content_id=report.id,
    )
    session.add(artifact)
    job_id = await enqueue(session, "documents.ingest", Subject("document", world.ids["document_id"], CANARY))
    session.info.pop("wake", None)
    world.ids |= {
        "assistant_id": assistant.id,
        "task_id": task.id,
        "artifact_id": artifact.id,
        "job_id": job_id,
    }


async def _evidence(session: TenantSession, services: Services, world: World) -> None:
    words = await services.contents.put(session, CANARY)
    record_id = await record(
        session,
        AuditEvent(
            event_type="PROMPT",
            action="task.create",
            actor=as_caller(world.owner.user).actor,
            resource=Resource("task", str(world.ids["task_id"]), CANARY),
            task_id=world.ids["task_id"],
            content=(ContentRef("request", words),),
        ),
    )
    export = Export(
        tenant_id=session.tenant_id,
        id=new_id(),
        window_from=now() - timedelta(days=1),
        window_to=now(),
        requested_by=world.owner.id,
    )
    session.add(export)
    await session.flush()
    world.ids |= {"record_id": record_id, "export_id": export.id}


async def _conversation(session: TenantSession, services: Services, world: World) -> None:
    tenant_id, title = session.tenant_id, await services.contents.put(session, CANARY)
    conversation = ConversationRow(
        tenant_id=tenant_id, id=new_id(), title_id=title.id, created_by=world.owner.id
    )
    session.add(conversation)
    await session.flush()
    text = await services.contents.put(session, CANARY)
    turn = TurnRow(
        tenant_id=tenant_id,
        id=new_id(),
        conversation_id=conversation.id,
        text_id=text.id,
        status="completed",
        created_by=world.owner.id,
        finished_at=now(),
    )
    session.add(turn)
    await session.flush()
    shared = await grant(session, "conversation", conversation.id, "everyone", "allow", world.owner.id)
    asked = await services.contents.put_json(session, {"text": CANARY, "language": "German"})
    work = WorkRow(
        tenant_id=tenant_id,
        id=new_id(),
        tool="translate",
        arguments_id=asked.id,
        result_id=asked.id,
        status="completed",
        created_by=world.owner.id,
    )
    session.add(work)
    await session.flush()
    world.ids |= {
        "work_id": work.id,
        "conversation_id": conversation.id,
        "turn_id": turn.id,
        "parent_id": turn.id,
        "through": turn.id,
        "share_id": shared.id,
    }


async def _evaluation(session: TenantSession, services: Services, world: World) -> None:
    tenant_id, owner = session.tenant_id, world.owner.id
    made = QuestionSet(
        tenant_id=tenant_id, id=new_id(), name=CANARY, questions=1, left_out=0, created_by=owner
    )
    session.add(made)
    await session.flush()
    asked = {"name": "1", "text": CANARY, "required": {CANARY: 1}}
    words = await services.contents.put_json(session, asked)
    question = QuestionRow(
        tenant_id=tenant_id, id=new_id(), question_set_id=made.id, ordinal=0, content_id=words.id
    )
    evaluation = EvaluationRow(
        tenant_id=tenant_id,
        id=new_id(),
        question_set_id=made.id,
        configurations=["default", "words"],
        status="completed",
        created_by=owner,
        finished_at=now(),
    )
    session.add_all([question, evaluation])
    await session.flush()
    for configuration in evaluation.configurations:
        score = EvaluationScore(
            tenant_id=tenant_id,
            evaluation_id=evaluation.id,
            question_id=question.id,
            configuration=configuration,
            index_seq=0,
            allowed=1,
            document_ids=[world.ids["document_id"]],
            required=[{"document_id": str(world.ids["document_id"]), "rank": 1}],
            **dict.fromkeys(("ndcg_at_10", "recall_at_10", "recall_at_100", "mrr", "milliseconds"), 1.0),
        )
        session.add(score)
    await session.flush()
    world.ids |= {
        "question_set_id": made.id,
        "question_id": question.id,
        "evaluation_id": evaluation.id,
        "against_id": evaluation.id,
    }


async def _training(session: TenantSession, services: Services, world: World) -> None:
    tenant_id, owner = session.tenant_id, world.owner.id
    words = await services.contents.put_json(session, {"text": CANARY})
    upload = TrainingUploadRow(
        tenant_id=tenant_id,
        id=new_id(),
        name=CANARY,
        kind="text",
        examples=1,
        content_id=words.id,
        created_by=owner,
    )
    job = TrainingJobRow(
        tenant_id=tenant_id,
        id=new_id(),
        name=CANARY,
        recipe="sft",
        model=CANARY,
        sources={"document_ids": [], "feedback": False, "comparisons": False, "upload_id": str(upload.id)},
        settings=_SETTINGS,
        status="completed",
        examples=1,
        held_out=0,
        created_by=owner,
    )
    session.add_all([upload, job])
    await session.flush()
    example = TrainingExampleRow(
        tenant_id=tenant_id,
        id=new_id(),
        training_job_id=job.id,
        ordinal=0,
        kind="text",
        origin="upload",
        upload_id=upload.id,
        person_ids=[owner],
        held_out=False,
        content_id=words.id,
    )
    metric = TrainingMetricRow(tenant_id=tenant_id, training_job_id=job.id, seq=1, line={"step": 1, "of": 1})
    session.add_all([example, metric])
    await session.flush()
    world.ids |= {"upload_id": upload.id, "training_job_id": job.id}


async def _adapter(session: TenantSession, services: Services, world: World) -> None:
    tenant_id, owner = session.tenant_id, world.owner.id
    words = await services.contents.put_json(session, {"text": CANARY})
    adapter = AdapterRow(
        tenant_id=tenant_id,
        id=new_id(),
        training_job_id=world.ids["training_job_id"],
        name=CANARY,
        recipe="sft",
        model=CANARY,
        kind="lora",
        digest="0" * 64,
        size=1,
        created_by=owner,
    )
    session.add(adapter)
    await session.flush()
    evaluation = AdapterEvaluationRow(
        tenant_id=tenant_id,
        id=new_id(),
        adapter_id=adapter.id,
        status="completed",
        questions=1,
        words_id=words.id,
        created_by=owner,
    )
    comparison = ComparisonRow(
        tenant_id=tenant_id,
        id=new_id(),
        prompt_id=words.id,
        sides={"a": str(adapter.id), "b": None},
        status="ready",
        created_by=owner,
    )
    session.add_all([evaluation, comparison])
    await session.flush()
    world.ids |= {
        "adapter_id": adapter.id,
        "against_adapter_id": adapter.id,
        "comparison_id": comparison.id,
    }
