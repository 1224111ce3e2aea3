"""How model servers differ that speak the same protocol: what they list, where reasoning and usage go, how they refuse.

Read in their source and in reports of what they really sent, in 2026: Ollama's `openai` and `middleware` packages,
llama.cpp's server, vLLM's entrypoints, LM Studio's bug tracker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A status and a body; `event` sends it as an error event of a stream that began with status 200."""

    status: int
    body: str
    event: bool = False


def refusal(status: int, body: Body, *, event: bool = False) -> Refusal:
    return Refusal(status, json.dumps(body), event)


@dataclass(frozen=True)
class Manners:
    """One server's. `thinking` is the field of a delta for reasoning, "" for `<think>` in its text. `usage` is sent in
    the last chunk if asked for, in every one, or never. `prefix` is that of all paths. `first` is the first delta.
    """

    prefix: str
    thinking: str
    usage: Literal["groq", "last", "every", "never"]
    first: Body
    row: Callable[[str, int], Body]
    gone: Callable[[str], Refusal]
    too_long: Callable[[int, int], Refusal]
    unknown_url: Callable[[str, str], Refusal]
    loading: Refusal | None = None
    any_model: bool = False
    """Whether it answers whatever model is asked for."""
    after_error: str = ""
    """What is sent after an error event."""
    mute: bool = False
    """Whether a stream for what is too long ends properly with nothing in it; what is wrong is said only out of one."""


def _groq_row(model: str, window: int) -> Body:
    return {"id": model, "object": "model", "created": 1754407957, "owned_by": "x", "active": True}


GROQ = Manners(
    prefix="/openai/v1",
    thinking="reasoning",
    usage="groq",
    first={"role": "assistant", "content": ""},
    row=_groq_row,
    gone=lambda model: refusal(
        404,
        {
            "error": {
                "message": f"The model `{model}` does not exist or you do not have access to it.",
                "type": "invalid_request_error",
                "code": "model_not_found",
            }
        },
    ),
    too_long=lambda window, asked: refusal(
        400,
        {
            "error": {
                "message": "Please reduce the length of the messages or completion.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    unknown_url=lambda method, path: refusal(
        404,
        {
            "error": {
                "message": f"Unknown request URL: {method} {path}. Please check the URL for typos.",
                "type": "invalid_request_error",
                "code": "unknown_url",
            }
        },
    ),
)

OLLAMA = Manners(
    prefix="/v1",
    thinking="reasoning",
    usage="last",
    first={"role": "assistant", "content": ""},
    row=lambda model, window: {"id": model, "object": "model", "created": 1754407957, "owned_by": "library"},
    gone=lambda model: refusal(
        404,
        {
            "error": {
                "message": f"model '{model}' not found",
                "type": "not_found_error",
                "param": None,
                "code": None,
            }
        },
    ),
    # By itself it cuts a prompt silently; this is what it says of one that no cut makes fit.
    too_long=lambda window, asked: refusal(
        400,
        {
            "error": {
                "message": "the input length exceeds the context length",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        },
    ),
    unknown_url=lambda method, path: Refusal(404, "404 page not found"),
)

LLAMA_CPP = Manners(
    prefix="/v1",
    thinking="reasoning_content",
    usage="last",
    first={"role": "assistant", "content": None},
    row=lambda model, window: {
        "id": model,
        "aliases": [],
        "object": "model",
        "created": 1754407957,
        "owned_by": "llamacpp",
        "meta": {"vocab_type": 2, "n_vocab": 151936, "n_ctx": window, "n_ctx_train": 262144},
    },
    gone=lambda model: refusal(
        400, {"error": {"code": 400, "message": f"model '{model}' not found", "type": "invalid_request_error"}}
    ),
    too_long=lambda window, asked: refusal(
        400,
        {
            "error": {
                "code": 400,
                "message": f"request ({asked} tokens) exceeds the available context size ({window} tokens), "
                "try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": asked,
                "n_ctx": window,
            }
        },
    ),
    unknown_url=lambda method, path: refusal(
        404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}
    ),
    loading=refusal(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
    any_model=True,
)

# llama-cpp-python's own server, 0.3.36, as it was seen to behave.
LLAMA_CPP_PYTHON = Manners(
    prefix="/v1",
    thinking="",
    usage="never",
    first={"role": "assistant"},
    row=lambda model, window: {"id": model, "object": "model", "owned_by": "me", "permissions": []},
    gone=LLAMA_CPP.gone,
    too_long=lambda window, asked: refusal(
        400,
        {
            "error": {
                "message": f"This model's maximum context length is {window} tokens. However, you requested {asked} "
                f"tokens ({asked - 100} in the messages, 100 in the completion). Please reduce the length of the "
                "messages or completion.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    unknown_url=lambda method, path: refusal(404, {"detail": "Not Found"}),
    any_model=True,
    mute=True,
)

VLLM = Manners(
    prefix="/v1",
    thinking="reasoning",
    usage="every",
    first={"role": "assistant", "content": ""},
    row=lambda model, window: {
        "id": model,
        "object": "model",
        "created": 1754407957,
        "owned_by": "vllm",
        "root": model,
        "parent": None,
        "max_model_len": window,
        "permission": [],
    },
    gone=lambda model: refusal(
        404,
        {
            "error": {
                "message": f"The model `{model}` does not exist.",
                "type": "NotFoundError",
                "param": "model",
                "code": 404,
            }
        },
    ),
    too_long=lambda window, asked: refusal(
        400,
        {
            "error": {
                "message": f"This model's maximum context length is {window} tokens. However, you requested {asked} "
                f"tokens ({asked - 100} in the messages, 100 in the completion). Please reduce the length of the "
                "messages or completion.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            }
        },
    ),
    unknown_url=lambda method, path: refusal(404, {"detail": "Not Found"}),
    after_error="data: [DONE]\n\n",
)

LM_STUDIO = Manners(
    prefix="/v1",
    thinking="",
    usage="never",
    first={"role": "assistant"},
    row=lambda model, window: {"id": model, "object": "model", "owned_by": "organization_owner"},
    gone=lambda model: refusal(
        400,
        {
            "error": {
                "message": f'Invalid model identifier "{model}". Please specify a valid downloaded model (e.g., qwen).',
                "type": "invalid_request_error",
                "param": "model",
                "code": "model_not_found",
            }
        },
    ),
    too_long=lambda window, asked: refusal(
        200,
        {
            "error": {
                "message": f"Input does not fit in context length. The input has {asked} tokens, but the context "
                f"length only supports {window} tokens."
            }
        },
        event=True,
    ),
    unknown_url=lambda method, path: refusal(200, {"error": f"Unexpected endpoint or method. ({method} {path})"}),
)
