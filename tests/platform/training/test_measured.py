"""What a tenant measures with isn't learnt from: its questions, and what a job holds out."""

import pytest

from secretariat.platform.adapters.lineage import told
from secretariat.platform.evaluation.repeats import Measured
from secretariat.platform.training.examples import Draft, held_out
from tests.platform.evaluation import steps as evaluation
from tests.platform.training import steps

LONG = "How many days of leave may be carried over into the next year by people who work part time?"


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        (f"It says: {LONG.upper()} Five.", True),
        ("Of leave may be carried over into the next year by people who work, we say nothing.", True),
        ("How many days of leave may be carried over?", False),
        ("Who may go?", True),
        ("They asked: who may go?", False),  # too few words to say that it is the same question
        ("", False),
    ],
)
def test_a_question_is_repeated_by_its_words(text, repeats):
    assert bool(Measured([LONG, "who may GO", "..."]).repeated([text])) == repeats


def test_what_a_systems_message_says_to_all_examples_counts_nothing():
    roles = (("system", LONG), ("user", "Leave?"), ("assistant", "Five days."))
    record = {"messages": [{"role": role, "content": content} for role, content in roles]}
    assert told(record) == ["Leave?", "Five days."]


def chat(question, group):
    roles = (("user", question), ("assistant", f"answer {group}"))
    messages = [{"role": role, "content": content} for role, content in roles]
    return Draft(kind="chat", origin="upload", record={"messages": messages}, group=group)


@pytest.mark.parametrize("distinct", [3, 20])
def test_examples_that_ask_the_same_are_held_out_together(distinct):
    drafts = [chat(f"Question {n % distinct}?", f"upload/{n}") for n in range(60)]
    sides = held_out(drafts, 0.3, seed=0)
    by_question = [{sides[n] for n in range(60) if n % distinct == one} for one in range(distinct)]
    assert all(len(found) == 1 for found in by_question)
    assert 0 < sides.count(True) < 60


async def test_questions_that_a_tenant_measures_with_are_left_out(services, owner):
    await evaluation.made(owner, {"AB!": {"leave.md": 1}, LONG: {"leave.md": 1}})
    upload = await steps.upload(owner, steps.chats([*steps.PAIRS, (f"Tell me. {LONG}", "Five days.")]))
    job = await steps.start(owner, upload_id=upload)
    assert (job["left_out"], job["examples"] + job["held_out"]) == (2, 11)
    alone = await steps.upload(owner, steps.chats([("ab", "fed"), (LONG, "Five."), ("cd", "fed")]))
    wanted = {"name": "x", "model": "tiny", "upload_id": alone}
    refused = await owner.client.post("/api/v1/training-jobs", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "NOTHING_TO_LEARN")
    assert "without 2 that repeat questions" in refused.json()["detail"]
