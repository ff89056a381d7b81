"""A prompt to a model, answered greedily: the same prompt gets the same answer."""

from secretariat.models.client import ChatModel
from secretariat.models.core import CallContext, ChatMessage, ChatRequest, SamplingParams
from secretariat.models.errors import ModelError
from secretariat.platform.jobs.run import JobRun

MOST_TOKENS = (256, 64, 16)  # fewer where the prompt leaves less room


async def said(model: ChatModel, run: JobRun, messages: tuple[ChatMessage, ...]) -> str:
    """Nothing to a prompt that is longer than the model's context. Raises ModelError."""
    call = CallContext(tenant=str(run.tenant_id), request_id=f"training-{run.subject_id}")
    for most in MOST_TOKENS:
        request = ChatRequest(messages, sampling=SamplingParams(max_tokens=most))
        try:
            return (await model.chat(request, call)).text
        except ModelError as error:
            if error.code != "context_length_exceeded":
                raise
    return ""
