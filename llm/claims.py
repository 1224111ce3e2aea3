"""An answer -> its claims: sentences, or the parts of one that each have a citation of their own, with spans. Pure.

Spans count in the raw answer, so that a page can mark them. A citation belongs to the words before it, whether it
stands before the full stop or after it. Headings, questions, greetings and sentences that only say that the passages
are silent state nothing and are marked so. Lists and tables are read by the item and by the row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from news.terms import sentences


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, or a part of it. `start` and `end` count in the raw answer, citations included.

    `text` is what is checked, without marks of Markdown and citations; `numbers` are the passages cited, from 1.
    `states` is False for what states no fact.
    """

    start: int
    end: int
    text: str
    numbers: tuple[int, ...]
    states: bool = True


_NUMBERS = r"\^?\d{1,4}(?:\s*[,;\uff0c\u3001\u2010-\u2014-]\s*\^?\d{1,4})*"
_CITATION = re.compile(
    rf"\[\s*({_NUMBERS})\s*\](?!\()"
    rf"|[\u3010\uff3b]\s*({_NUMBERS})\s*(?:\u2020[^\]\n\u3011\uff3d]*)?[\u3011\uff3d]"
)
_CITATIONS = re.compile(rf"(?:\s{{0,3}}(?:{_CITATION.pattern}))+")
_PART = re.compile(r"(\d{1,4})(?:\s*[\u2010-\u2014-]\s*\^?(\d{1,4}))?")
_LEAD = re.compile(r"[ \t]*(?:>[ \t]*|[-*+\u2022][ \t]+|\d{1,3}[.)][ \t]+|#{1,6}[ \t]+)*")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]|(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__):?[ \t]*$)")
_RULE = re.compile(r"[ \t]*(?:\|?[ \t]*:?-{2,}:?[ \t|:-]*|[*_=~-]{3,}[ \t]*|`{3,}.*|~{3,}.*)")
_MARKS = re.compile(r"\*{1,3}|_{2,3}|(?<!\w)_|_(?!\w)|`+|~~")
_UNEMPHASIZED = re.compile(r"[^*_]+|(?<!\S)\*+(?!\S)|(?<!_)_(?!_)")
_RUN = re.compile(r"(?<![\\*])\*{1,3}(?!\*)|(?<![\\_])_{2,3}(?!_)|(?<![\w\\])_(?=\w)|(?<=\w)_(?!\w)|~~")
_CODE = re.compile(r"(`+)[^`\n]+\1|\([^()\s]*(?: \"[^\n]*?\")?\)|(?<!\S)\*+(?!\S)")
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\n]{0,2000}\)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})", re.MULTILINE)
_JOINT = re.compile(r"\s*(?:[,;:\u2013\u2014-]\s*)?(?:(?:and|but|while|whereas|though|although)\s+)?(?<=[\s,;])")
_MAY_END = re.compile("[\\n.!?\u2026\u061f\u06d4\u0964\u3002\uff01\uff1f]")
_AHEAD = 45  # characters after a full stop that decide whether a sentence ends there
_WORD = re.compile(r"[^\W_]")
_SPAN = 30  # numbers in "[1-30]", beyond which it is no range of passages

_SOURCES = r"(?:passages?|sources?|articles?|feeds?|excerpts?|context|information)"
_SILENT = re.compile(
    rf"\b(?:{_SOURCES}\b[^.]{{0,40}}? (?:do|does|did|contains?|says?|gives?|mentions?|offers?)"
    r"(?:n't| not| no(?:thing)?)\b"
    rf"|(?:no|none of the) (?:{_SOURCES}|details?|mention)\b"
    r"|not (?:mentioned|covered|stated|specified|addressed|found) (?:in|by) (?:the|these|your|any)\b"
    r"|I (?:could|can|did|do)(?: not|not|n't) (?:find|see|tell|answer|have|know|determine|confirm)\b"
    rf"|(?:there is|there's|I (?:have|found)) (?:no|nothing|not enough)\b[^.]{{0,60}}\b{_SOURCES})",
    re.IGNORECASE,
)
_TALK = re.compile(
    rf"(?:here(?: is| are|'s|\u2019s)\b|(?:based on|according to) (?:the|these|your) (?:provided )?{_SOURCES}[:.]?$"
    rf"|in (?:summary|short|brief)[:.]?$|sources?:|note:$|let me know|I hope|sure[,.!]|of course[,.!]|hello|hi[,.!]"
    r"|thank|if you (?:want|would like|need|like)|would you like"
    rf"|the {_SOURCES} (?:cover|report|describe) the following|from (?:one outlet|\d+ outlets)\b[^:]*:$)",
    re.IGNORECASE,
)


def claims(answer: str) -> tuple[Claim, ...]:
    """Every claim of a raw answer, in order. Never raises."""
    return tuple(_claims(answer, 0))


class Stream:
    """Cuts a growing answer: `feed` gives the claims that cannot change any more, `close` the rest.

    Together they are what `claims` gives of the whole, whatever way it came.
    """

    def __init__(self) -> None:
        self._answer = ""
        self._settled = 0  # characters before which all lines are read
        self._given = 0  # claims of the lines after those

    def feed(self, delta: str) -> tuple[Claim, ...]:
        """The claims that this delta finishes."""
        self._answer += delta
        return self._new(last=False) if _MAY_END.search(delta) or len(self._answer) % 64 < len(delta) else ()

    def close(self) -> tuple[Claim, ...]:
        """The claims that the end of the answer finishes."""
        return self._new(last=True)

    def _new(self, *, last: bool) -> tuple[Claim, ...]:
        found = list(_claims(self._answer, self._settled))
        if not last:
            line = self._answer.rfind("\n") + 1
            row = self._answer.rfind("\n", 0, max(0, line - 1)) + 1  # whether it is a head, the next line tells
            whole = row if self._answer[row:line].lstrip(" \t>").startswith("|") else line
            found = [claim for claim in found if claim.end < whole or self._is_past(claim, line)]
        new = tuple(found[self._given :])
        self._given = len(found)
        # Rows of a table and fences are read together with the lines around them: these stay until a blank line.
        blank = self._answer.rfind("\n\n") + 2
        if blank > max(1, self._settled) and not _FENCE.search(self._answer[:blank]):
            self._given = sum(claim.end > blank for claim in found)
            self._settled = blank
        return new

    def _is_past(self, claim: Claim, line: int) -> bool:
        """Whether a claim of the line that is still being written is finished: enough follows it to tell."""
        if claim.start < line or self._answer[line:].lstrip(" \t>")[:1] in ("", "|", "#", "*", "_", "`", "~"):
            return False
        return len(_CITATION.sub("", self._answer[claim.end :]).strip()) > _AHEAD


def _claims(answer: str, at: int) -> Iterator[Claim]:
    lines = answer[at:].split("\n")
    fence = ""
    for n, line in enumerate(lines):
        start, at = at, at + len(line) + 1
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
            continue
        if fence or _RULE.fullmatch(line) or not line.strip():
            continue
        lead = _LEAD.match(line)
        skipped = lead.end() if lead else 0
        if line.lstrip(" \t>").startswith("|"):
            is_head = n + 1 < len(lines) and _RULE.fullmatch(lines[n + 1]) is not None
            yield from _row(line, start, is_head)
        else:
            heads = _HEADING.match(line) is not None
            yield from _cut(line[skipped:], start + skipped, heads)


def _row(line: str, start: int, is_head: bool) -> Iterator[Claim]:
    plain, _, numbers = _uncited(line)
    text = ", ".join(filter(None, (_unmarked(cell) for cell in plain.split("|"))))
    if text:
        cited = tuple(dict.fromkeys(number for _, group in numbers for number in group))
        yield Claim(start, start + len(line.rstrip()), text, cited, not is_head and _states(text, 2))


def _cut(line: str, start: int, is_heading: bool) -> Iterator[Claim]:
    """The claims of one line. Citations are taken out before it is cut: they stand on either side of a full stop."""
    plain, raw, groups = _uncited(line)
    at = 0
    for sentence in sentences(plain):
        first = plain.find(sentence, at)
        last = at = first + len(sentence)
        mine = [group for group in groups if first < group[0] <= last or (group[0] <= first and first == 0)]
        for a, b, numbers in _parts(plain, first, last, mine):
            text = _unmarked(plain[a:b])
            ends = max([raw[b - 1] + 1, *(end for place, end in _ends(groups, line) if a < place <= b)])
            if text:
                begins, ends = _emphasized(line, raw[a], ends)
                yield Claim(start + begins, start + ends, text, numbers, not is_heading and _states(text))


def _emphasized(line: str, start: int, end: int) -> tuple[int, int]:
    """The span with the asterisks next to it, if without them it would end within what they emphasize."""
    before = start - len(line[:start]) + len(line[:start].rstrip("*_"))
    after = end + len(line[end:]) - len(line[end:].lstrip("*_"))
    spans = ((start, end), (before, end), (start, after), (before, after))
    return next((span for span in spans if is_closed(line[slice(*span)])), (start, end))


def is_closed(text: str) -> bool:
    """Whether all emphasis that begins in this part of a line ends in it."""
    runs = Counter(_RUN.findall(_CODE.sub("", text)))
    return all(times % 2 == 0 for times in runs.values())


_Groups = list[tuple[int, tuple[int, ...]]]


def _uncited(line: str) -> tuple[str, list[int], _Groups]:
    """`line` without its citations, where each of its characters stood, and the citations by where they would stand.

    Emphasis goes too: a sentence ends before the asterisks that close it.
    """
    plain: list[str] = []
    raw: list[int] = []
    groups: _Groups = []
    at = 0

    def take(until: int) -> None:
        for piece in _UNEMPHASIZED.finditer(line, at, until):
            plain.append(piece[0])
            raw.extend(range(*piece.span()))

    for match in _CITATIONS.finditer(line):
        take(match.start())
        groups.append((len(raw), cited(match[0])))
        at = match.end()
    take(len(line))
    return "".join(plain), raw, groups


def _ends(groups: _Groups, line: str) -> Iterator[tuple[int, int]]:
    """For each citation, where it would stand without, and where it ends in the line."""
    for (place, _), match in zip(groups, _CITATIONS.finditer(line), strict=True):
        yield place, match.end()


def cited(text: str) -> tuple[int, ...]:
    """The numbers that are cited in `text`, each once, in order of appearance."""
    numbers: dict[int, None] = {}
    for group in _CITATION.finditer(text):
        for part in _PART.finditer(group[1] or group[2]):
            first, last = int(part[1]), int(part[2] or part[1])
            numbers |= dict.fromkeys(range(first, last + 1) if first <= last <= first + _SPAN else (first, last))
    return tuple(numbers)


def _parts(plain: str, first: int, last: int, groups: _Groups) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """A sentence whose parts have citations of their own falls into them, if each part can stand alone."""
    cuts = [place for place, _ in groups if first < place < last and _JOINT.match(plain, place)]
    bounds = [first, *cuts, last]
    pieces = [plain[a:b] for a, b in pairwise(bounds)]
    if cuts and len(groups) > 1 and all(len(piece.split()) >= 4 for piece in pieces):
        for a, b in pairwise(bounds):
            joint = _JOINT.match(plain, a) if a != first else None
            begins = joint.end() if joint else a
            inside = [group for place, group in groups if a < place <= b or (a == first and place <= a)]
            yield begins, b, tuple(dict.fromkeys(number for group in inside for number in group))
    else:
        yield first, last, tuple(dict.fromkeys(number for _, group in groups for number in group))


def _unmarked(text: str) -> str:
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", text)).split())


def _states(text: str, fewest: int = 3) -> bool:
    """Whether a sentence states a fact that a passage could bear out."""
    if text.rstrip("\"'\u2019\u201d)").endswith(("?", "\uff1f")):
        return False
    if _SILENT.search(text) or _TALK.match(text):
        return False
    if text.isascii() and len(text.split()) < fewest:
        return False
    if text.endswith(":") and len(text.split()) < 9:
        return False
    return _WORD.search(text) is not None
