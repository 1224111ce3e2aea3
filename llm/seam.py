"""Where the rest of a broken answer meets its beginning. Pure.

A model that goes on seldom begins with the next character: it drops the blank, repeats some words, or begins the
sentence, or everything, again. It is asked to repeat the last words (`prompt.go_on`), so that where it goes on can be
seen; what it repeats is cut off, however its deltas are cut.
"""

from __future__ import annotations

import re

LEAST = 12
"""The fewest characters that are a repetition and no chance, unless they are all of the last sentence or item."""

_BLOCK = re.compile(r"[-*+] |#{1,6} |[0-9]{1,3}[.)] |\|")
_OPENING = re.compile(r"[-*+]|#{1,6}|[0-9]{1,3}[.)]?")  # what may become the beginning of a block
_BEGINS = re.compile(r"(?:^|[.!?…\])。！？]\s*|\n\s*(?:[-*+]|[0-9]{1,3}[.)])?\s*)$")  # what stands before a sentence
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


class Seam:
    """Joins the deltas of a rest to the text that it follows. `begun` "" lets everything through."""

    def __init__(self, begun: str) -> None:
        self._begun = begun.rstrip()
        self._spaced = self._begun != begun
        self._held = ""
        self._joined = not self._begun

    def feed(self, delta: str) -> str:
        """What of the rest is decided; "" while it may still be a repetition."""
        if self._joined:
            return self._spare(delta)
        self._held += delta
        text = self._held.lstrip()
        return "" if text in self._begun or _OPENING.fullmatch(text) else self._join()

    def close(self) -> str:
        """What was kept back."""
        return "" if self._joined else self._join()

    def _join(self) -> str:
        self._joined = True
        text = self._held.lstrip()
        repeated = self._repeated(text)
        if repeated:
            return self._spare(text[repeated:])
        if self._spaced or text != self._held or not text:
            return self._spare(self._held)
        if _BLOCK.match(text):
            return "\n" + text
        apart = text[0].isalnum() and not _UNSPACED.match(text) and not _UNSPACED.match(self._begun[-1])
        return " " + text if apart and self._begun[-1] not in "(/“«„‘'\"-" else text

    def _spare(self, text: str) -> str:
        """`text` without the blanks it begins with, where what was begun ends with some."""
        if self._spaced:
            text = text.lstrip()
            self._spaced = not text
        return text

    def _repeated(self, text: str) -> int:
        """How many characters of `text` repeat the end of what was begun."""
        longest = min(len(text), len(self._begun))
        size = next((n for n in range(longest, 0, -1) if self._begun.endswith(text[:n])), 0)
        whole = _BEGINS.search(self._begun[max(0, len(self._begun) - size - 8) : len(self._begun) - size])
        return size if size >= LEAST or (size and whole) else 0
