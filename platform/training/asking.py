"""A prompt to a model, answered greedily: the same prompt gets the same answer."""

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatMessage, ChatRequest, SamplingParams
from secretariat.platform.jobs.run import JobRun

MOST_TOKENS = 256


async def said(model: ChatModel, run: JobRun, messages: tuple[ChatMessage, ...]) -> str:
    """Raises ModelError."""
    call = CallContext(tenant=str(run.tenant_id), request_id=f"training-{run.subject_id}")
    request = ChatRequest(messages, sampling=SamplingParams(max_tokens=MOST_TOKENS))
    return (await model.chat(request, call)).text
