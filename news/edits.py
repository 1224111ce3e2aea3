"""What changed between two wordings, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal

from news.types import Version

Kind = Literal["same", "added", "removed"]
MOST = 600
"""Words of each wording that are compared; what follows is neither shown nor said to have changed."""

# Scripts without spaces are compared by the sign.
_WORD = re.compile(r"[\u0e01-\u0e4e\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W\u0e01-\u9fff]+|\S")


@dataclass(frozen=True, slots=True)
class Run:
    """Words that follow each other and are all the same in both wordings, only in the newer, or only in the older."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A wording that took the place of another at `at`. `title` and `text` are () where they did not change."""

    at: datetime
    title: tuple[Run, ...]
    text: tuple[Run, ...]


def edits(versions: Sequence[Version]) -> tuple[Edit, ...]:
    """Each change of wording, oldest first; none for changes of spaces alone."""
    ordered = sorted(versions, key=lambda version: (version.valid_from, version.id))
    out = []
    for older, newer in pairwise(ordered):
        edit = Edit(newer.valid_from, _change(older.title, newer.title), _change(older.text, newer.text))
        if edit.title or edit.text:
            out.append(edit)
    return tuple(out)


def _change(older: str, newer: str) -> tuple[Run, ...]:
    runs = () if older == newer else diff(older, newer)
    return runs if any(run.kind != "same" for run in runs) else ()


def diff(older: str, newer: str) -> tuple[Run, ...]:
    """Both wordings as runs; those that are not removed give the newer one, put together, with single blanks.

    Of long wordings the first `MOST` words are compared.
    """
    before, after = _words(older), _words(newer)
    matcher = SequenceMatcher(None, [word for _, word in before], [word for _, word in after], autojunk=False)
    out: list[Run] = []
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            out.append(Run("same", _joined(after[k:m])))
            continue
        if j > i:
            out.append(Run("removed", _joined(before[i:j])))
        if m > k:
            out.append(Run("added", _joined(after[k:m])))
    return tuple(out)


_Words = list[tuple[str, str]]


def _words(text: str) -> _Words:
    """The first words, each with what parts it from the one before: a blank or nothing."""
    out: _Words = []
    end = 0
    for match in _WORD.finditer(text[: MOST * 12]):
        out.append((" " if match.start() > end and out else "", match[0]))
        end = match.end()
        if len(out) == MOST:
            break
    return out


def _joined(words: _Words) -> str:
    return "".join(blank + word for blank, word in words)
