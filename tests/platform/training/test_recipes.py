"""Each way to learn, from a tenant's examples through the real process to an adapter that answers."""

import json
import math

import pytest

from tests.platform.documents import steps as documents
from tests.platform.training import steps

LINES = "\n\n".join(f"{one}{other} is fed." * 20 for one in "abcdefgh" for other in "abcdefgh")


async def pairs(services, person):
    prompts = [[{"role": "user", "content": asked}] for asked, _ in steps.PAIRS]
    lines = [json.dumps({"messages": one, "chosen": "fed", "rejected": "head"}) for one in prompts]
    return {"recipe": "dpo", "upload_id": await steps.upload(person, "\n".join(lines).encode())}


async def answers(services, person):
    return {"recipe": "svf", "upload_id": await steps.upload(person, steps.chats(steps.PAIRS))}


async def texts(services, person):
    collection = await documents.make_collection(person)
    document = await documents.ingested(services, person, collection, data=LINES.encode(), name="fed.md")
    return {"recipe": "sft", "document_ids": [document["id"]]}


@pytest.mark.parametrize("sources", [pairs, answers, texts])
async def test_each_way_to_learn_makes_an_adapter_that_answers(services, owner, sources):
    wanted = await sources(services, owner)
    rate = 0.2 if sources is answers else 0.02
    done = await steps.trained(services, owner, steps=4, learning_rate=rate, **wanted)
    result = done["result"]
    assert result["held_out_loss"] < result["first_held_out_loss"]
    adapter = await steps.shown(owner, f"adapters/{done['adapter_id']}")
    assert (adapter["recipe"], adapter["kind"]) == (wanted["recipe"], "svf" if sources is answers else "lora")
    assert (await steps.ask(owner, adapter["id"])).status_code == 200
    if sources is pairs:
        assert result["first_held_out_loss"] == pytest.approx(math.log(2), abs=1e-6)
    if sources is texts:
        url = f"/api/v1/adapters/{adapter['id']}/evaluations"
        refused = await owner.client.post(url, json={})
        assert (refused.status_code, refused.json()["code"]) == (409, "NO_QUESTIONS")
