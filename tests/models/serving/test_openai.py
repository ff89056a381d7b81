"""The server as OpenAI's own client sees it, every answer judged by the published description."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from tests.models.serving.published import conforms
from tests.models.serving.toy_server import TOKEN, ToyServer

Json = dict[str, Any]
USER: Any = [{"role": "user", "content": "hello there"}]
PROMPT = "hello there"
SCHEMA = {"enum": ["yes", "no"]}


@pytest.fixture
async def client(toy_server: ToyServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{toy_server.url}/v1",
        api_key=TOKEN,
        max_retries=0,
        default_headers={"X-Secretariat-Tenant": "tests"},
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    ) as client:
        yield client


def judged(value: Any, schema: str) -> Any:
    conforms(value.model_dump(mode="json", exclude_unset=True, by_alias=True), schema)
    return value


async def post(server: ToyServer, path: str, body: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as http:
        return await http.post(path, json=body, headers=server.headers)


async def test_chat(client: AsyncOpenAI):
    answer = await client.chat.completions.create(
        model="toy", messages=USER, max_completion_tokens=5, temperature=0, logprobs=True, top_logprobs=3,
        presence_penalty=0.5, frequency_penalty=-0.5, logit_bias={"65": 3}, seed=7, stop=["zzz"], n=1,
    )  # fmt: skip
    choice = judged(answer, "CreateChatCompletionResponse").choices[0]
    assert choice.finish_reason == "length"
    assert len(choice.logprobs.content) == 5
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


async def test_a_chat_streams(client: AsyncOpenAI):
    whole = await client.chat.completions.create(
        model="toy", messages=USER, max_tokens=6, temperature=0, logprobs=True
    )
    stream = await client.chat.completions.create(
        model="toy", messages=USER, max_tokens=6, temperature=0, logprobs=True, stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = [judged(chunk, "CreateChatCompletionStreamResponse") async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    tokens = [
        entry.token
        for chunk in chunks
        if chunk.choices and chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content
    ]
    said = whole.choices[0].logprobs
    assert said is not None
    assert tokens == [entry.token for entry in said.content or ()]
    assert chunks[-1].usage.completion_tokens == 6


@pytest.mark.parametrize(
    "prompt", [PROMPT, [PROMPT], list(PROMPT.encode()), [list(PROMPT.encode())]], ids=str
)
async def test_completions_take_text_or_tokens(client: AsyncOpenAI, prompt: Any):
    answer = await client.completions.create(
        model="toy", prompt=prompt, max_tokens=4, temperature=0, logprobs=2, seed=1
    )
    (choice,) = judged(answer, "CreateCompletionResponse").choices
    assert answer.usage is not None
    # The toy spells " the" as one token; as bytes it is four.
    assert answer.usage.prompt_tokens == (8 if isinstance(prompt, str) or prompt == [PROMPT] else 11)
    columns = choice.logprobs
    assert [len(column) for column in (columns.tokens, columns.token_logprobs, columns.text_offset)] == [
        4
    ] * 3
    assert all(len(row) == 2 for row in columns.top_logprobs)
    assert columns.text_offset[0] == 0
    assert columns.text_offset == sorted(columns.text_offset)
    for token, offset in zip(columns.tokens, columns.text_offset, strict=True):
        assert token.startswith("bytes:") or choice.text[offset:].startswith(token)


async def test_a_completion_streams(client: AsyncOpenAI):
    whole = await client.completions.create(model="toy", prompt=PROMPT, max_tokens=6, temperature=0)
    stream = await client.completions.create(
        model="toy", prompt=PROMPT, max_tokens=6, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].text for c in chunks if c.choices) == whole.choices[0].text
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 6


@pytest.mark.parametrize(
    "given",
    [
        PROMPT,
        [{"role": "user", "content": PROMPT}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
    ],
    ids=["text", "easy", "parts"],
)
async def test_a_response(client: AsyncOpenAI, given: Any):
    answer = await client.responses.create(
        model="toy", input=given, max_output_tokens=16, temperature=0, store=False, metadata={"a": "b"},
        include=["message.output_text.logprobs"], top_logprobs=1,
    )  # fmt: skip
    judged(answer, "Response")
    chat = await client.chat.completions.create(model="toy", messages=USER, max_tokens=16, temperature=0)
    assert answer.output_text == chat.choices[0].message.content
    assert (answer.status, answer.metadata) == ("incomplete", {"a": "b"})
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage is not None
    assert answer.usage.output_tokens == 16
    again: Any = [*([{"role": "user", "content": given}] if isinstance(given, str) else given)]
    again += [item.model_dump(exclude_none=True) for item in answer.output]
    again += [{"role": "user", "content": "and then?"}]
    later = await client.responses.create(model="toy", input=again, max_output_tokens=16, temperature=0)
    assert later.usage is not None
    assert later.usage.input_tokens > answer.usage.input_tokens + 16


async def test_a_response_under_a_schema_with_instructions(client: AsyncOpenAI):
    form: Any = {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
    answer = await client.responses.create(
        model="toy", input=PROMPT, instructions="Be brief.", text={"format": form}, max_output_tokens=16
    )
    judged(answer, "Response")
    assert json.loads(answer.output_text) in SCHEMA["enum"]
    assert (answer.status, answer.instructions) == ("completed", "Be brief.")
    assert answer.completed_at is not None


async def test_a_response_streams_the_published_events(client: AsyncOpenAI):
    whole = await client.responses.create(model="toy", input=PROMPT, max_output_tokens=16, temperature=0)
    stream = await client.responses.create(
        model="toy", input=PROMPT, max_output_tokens=16, temperature=0, stream=True
    )
    events = [judged(event, "ResponseStreamEvent") async for event in stream]
    kinds = [event.type for event in events]
    deltas = kinds.count("response.output_text.delta")
    assert kinds == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added", *["response.output_text.delta"] * deltas, "response.output_text.done",
        "response.content_part.done", "response.output_item.done", "response.incomplete",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text == events[-1].response.output_text


async def test_the_clients_own_accumulator_reads_the_stream(client: AsyncOpenAI):
    form: Any = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}
    async with client.responses.stream(model="toy", input=PROMPT, max_output_tokens=16, text=form) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert (final.status, json.loads(final.output_text) in SCHEMA["enum"]) == ("completed", True)
    assert final.usage is not None


async def test_embeddings(client: AsyncOpenAI):
    floats = await client.embeddings.create(model="letters", input=["aab", "h"], encoding_format="float")
    judged(floats, "CreateEmbeddingResponse")
    packed = await client.embeddings.create(model="default", input=["aab", "h"])
    assert [item.embedding for item in packed.data] == [item.embedding for item in floats.data]


async def test_models(client: AsyncOpenAI):
    listed = judged(await client.models.list(), "ListModelsResponse")
    assert {model.id for model in listed.data} == {"toy", "letters"}
    one = judged(await client.models.retrieve("toy"), "Model")
    assert one.secretariat["loaded"] is True
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("gpt-x")
    conforms({"error": caught.value.body}, "ErrorResponse")


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("responses", {"tools": [{"type": "web_search"}]}, "tools"),
        ("responses", {"input": []}, "input"),
        ("responses", {"store": True}, "store"),
        ("responses", {"background": True}, "background"),
        ("responses", {"max_output_tokens": 3}, "max_output_tokens"),
        ("responses", {"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type"),
        ("responses", {"text": {"format": {"type": "xml"}}}, "text.format"),
        ("completions", {"echo": True}, "echo"),
        ("completions", {"suffix": "x"}, "suffix"),
        ("completions", {"n": 2}, "n"),
        ("completions", {"logprobs": 6}, "logprobs"),
        ("completions", {"prompt": []}, "prompt"),
        ("completions", {"prompt": ["a", "b"]}, "prompt"),
        ("completions", {"prompt": [272]}, "prompt"),
        ("chat/completions", {"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ("chat/completions", {"logit_bias": {"999": 1}}, "logit_bias"),
        ("chat/completions", {"logit_bias": {"1": 101}}, "logit_bias.1"),
        ("chat/completions", {"min_p": 1.5}, "min_p"),
        ("chat/completions", {"adapter": "none"}, "adapter"),
        ("chat/completions", {"snapshot": "snap_none"}, "snapshot"),
        ("chat/completions", {"response_format": {"type": "grammar"}}, "response_format"),
        ("chat/completions", {"response_format": {"type": "regex", "regex": "("}}, "response_format"),
        ("embeddings", {"dimensions": 3}, "dimensions"),
        ("embeddings", {"input": [""]}, "input.0"),
    ],
)
async def test_what_is_refused_is_named(toy_server: ToyServer, path: str, fields: Json, param: str):
    required: dict[str, Json] = {
        "responses": {"model": "toy", "input": PROMPT},
        "completions": {"model": "toy", "prompt": PROMPT, "max_tokens": 4},
        "chat/completions": {"model": "toy", "messages": USER, "max_tokens": 4},
        "embeddings": {"model": "letters", "input": PROMPT},
    }
    response = await post(toy_server, f"/v1/{path}", required[path] | fields)
    assert response.status_code in (400, 404)
    conforms(response.json(), "ErrorResponse")
    assert response.json()["error"]["param"] == param


async def test_errors_are_the_clients_own(client: AsyncOpenAI, toy_server: ToyServer):
    unauthorised = AsyncOpenAI(
        base_url=f"{toy_server.url}/v1",
        api_key="wrong",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    )
    async with unauthorised as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()
    with pytest.raises(openai.BadRequestError, match="context of 256 tokens"):
        await client.completions.create(model="toy", prompt="x" * 300)
