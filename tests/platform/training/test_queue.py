"""A worker that doesn't serve the queue of training hands such jobs on, and keeps none of them waiting."""

from uuid import UUID

from secretariat.platform.jobs.broker import TRAINING_QUEUE, WORK_QUEUE
from secretariat.platform.jobs.run import Handler
from secretariat.platform.jobs.runner import Runner
from secretariat.platform.kit.times import now
from secretariat.platform.tables.jobs import Job, Outbox
from secretariat.platform.tables.training import TrainingJobRow
from secretariat.platform.training.service import TRAIN
from tests.platform.training import steps


async def test_a_job_goes_to_the_workers_of_its_queue(services, owner):
    upload = await steps.upload(owner, steps.chats(steps.PAIRS))
    job = await steps.start(owner, upload_id=upload)
    async with services.database.tenant(owner.tenant.id) as session:
        row = await session.get_one(TrainingJobRow, (owner.tenant.id, UUID(job["id"])))
    ran, passed = [], []

    async def run(run):
        ran.append(run.job_id)

    handlers = {TRAIN: Handler(run, queue=TRAINING_QUEUE)}

    def pass_on(*told):
        passed.append(told)

    await Runner(services, handlers, frozenset({WORK_QUEUE}), pass_on).carry_out(owner.tenant.id, row.job_id)
    assert (ran, passed) == ([], [(TRAINING_QUEUE, owner.tenant.id, row.job_id)])
    async with services.database.tenant(owner.tenant.id) as session:
        waiting = await session.get_one(Job, (owner.tenant.id, row.job_id))
        due = (await session.get_one(Outbox, (owner.tenant.id, row.job_id))).due_at
    assert (waiting.status, waiting.attempt) == ("queued", 0)
    assert (due - now()).total_seconds() > 30
    await Runner(services, handlers, frozenset({TRAINING_QUEUE}), pass_on).carry_out(
        owner.tenant.id, row.job_id
    )
    assert ran == [row.job_id]
