"""An answer with the marks of its checks, as Markdown: what a reader sees of them without opening anything. Pure.

Each claim that was checked has a mark: a faint sign where the passages bear it out, another where they do in part. One
that no passage bears out is dimmed as well, or left out if the reader wants that. A contradicted one says what the
passage has. Where the program found the passage and the model did not cite it, its citation is put after the claim, and
says so. A mark is a link to a place of its own (`address`), where nothing stands: a page that is told of the click
shows the quote there, and without one nothing happens.

Marks are put between characters of the raw answer as characters of a private plane, which `citations.Linker` takes for
letters, and become Markdown in what it gives out. So they stand where the claim ends, whatever the Linker made of it,
and nothing of the answer is read as a mark. One that would stand inside a code span stands after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llm.citations import cite, draw
from llm.claims import cited, is_closed
from llm.markdown import JOINER, literal
from news.types import Passage

SIGNS = {
    "supported": ":material/check:",
    "partly": ":material/help:",
    "not found": ":material/search_off:",
    "contradicted": ":material/priority_high:",
}
"""A sign for each verdict, as Streamlit's Markdown writes icons."""

_FIRST = 0xF0000  # of Unicode's private plane 15
_PRIVATE = re.compile("[\U000f0000-\U000ffffd]")
_PLACE = re.compile("([\U000f0000-\U000ffffd])(?=(.?))", re.DOTALL)
_CODE = re.compile(r"(?<![\\`])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")
_OURS = re.compile(r"\[(?:[^\[\]\n])*\]\([^\s()]+ \"[^\n]*?\"\)")  # a citation as the Linker writes it
_BARE = re.compile(r"[ \t]*(?:>[ \t]?)*[ \t]*(?:[-*+]|\d{1,9}[.)])?[\s\u2060.]*")
_ROW_END = re.compile(r"[ \t]*\|?[ \t]*$")
_LONGEST = 60  # characters of what a passage has


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer to be shown, and how many of its claims were left out."""

    markdown: str
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a claim lies in the raw answer; `row` if it is a row of a table, whose cells are marked as one.

    `number` is the check's among all, from 1.
    """

    start: int
    end: int
    row: bool
    number: int
    check: Mapping[str, Any]


def mark(
    answer: str, passages: Sequence[Passage], checks: Sequence[Mapping[str, Any]], *, hide: bool = False
) -> Marked:
    """A raw answer as Markdown with its marks; with `hide`, without the claims that no passage bears out.

    `checks` are those of `Answer.details`. Without any it is as `citations.draw` gives it.
    """
    answer = _PRIVATE.sub("\ufffd", answer)
    places = _places(answer, checks)
    inserted: dict[str, str] = {}
    pieces: list[str] = []
    spans: list[tuple[str, str]] = []  # of claims to be dimmed or left out
    rows: list[str] = []  # rows to be left out
    at = 0

    def put(offset: int, markdown: str) -> str:
        nonlocal at
        sign = chr(_FIRST + len(inserted))
        inserted[sign] = markdown
        pieces.extend((answer[at:offset], sign))
        at = offset
        return sign

    for place in places:
        missing = place.check["verdict"] == "not found" and not place.check["found"]
        check = place.check
        if check["found"] and check["found"] in cited(answer[place.end :].partition("\n")[0]):
            check = {**check, "found": 0}  # a quotation or a paragraph of several sentences is cited at its end
        told = sign_of(place.number, check, passages)
        if missing and not place.row:
            spans.append((put(place.start, ""), put(place.end, told)))
        elif missing and hide:
            rows.append(put(place.end, told))
        else:
            put(place.end, told)
    pieces.append(answer[at:])
    drawn = _CODE.sub(_after_code, draw("".join(pieces), passages))
    if sorted(_PRIVATE.findall(drawn)) != sorted(inserted):  # one was in what is not shown: better none than amiss
        return Marked(draw(answer, passages))
    hidden = 0
    for opening, closing in spans:
        if drawn[drawn.index(opening) - 1 :][:1] in ("*", "_"):
            around = rf"(\*{{1,3}}|_{{1,3}}){opening}([^\n]*){closing}\1"
            drawn = re.sub(around, rf"{opening}\1\2\1{closing}", drawn)
        inside = drawn[drawn.index(opening) + 1 : drawn.index(closing)]
        if not is_closed(inside):
            continue
        if hide:
            hidden += 1
            drawn = drawn.replace(f"{opening}{inside}{closing}", opening)
        elif not re.search(r"[\[\]]", _OURS.sub("", inside)):
            inserted[opening], inserted[closing] = ":gray[", f"]{inserted[closing]}"
    for sign in rows:
        hidden += 1
        drawn = re.sub(rf"[^\n]*{sign}[^\n]*\n?", "", drawn)
    if hide:
        drawn = "\n".join(line for line in drawn.split("\n") if not _emptied(line, inserted))
    return Marked(_PLACE.sub(lambda match: _put(inserted[match[1]], match[2]), drawn), hidden)


def address(number: int) -> str:
    """Where the mark of a check leads, by its number from 1: a place within the answer."""
    return f"#c{number}"


def sign_of(number: int, check: Mapping[str, Any], passages: Sequence[Passage]) -> str:
    """What stands after a claim, as Markdown."""
    verdict, found = check["verdict"], check["found"]
    elsewhere = 0 < found <= len(passages)
    told = SIGNS[verdict]
    if verdict == "contradicted":
        told += f" {literal(_instead(check))}"
    elif verdict == "supported" and elsewhere:
        told = "found"
    colour = "red" if verdict == "contradicted" else "gray"
    sign = f' [:{colour}[:small[{told}]]]({address(number)} "{verdict.capitalize()}: see why")'
    return f"{sign} {cite(found, passages[found - 1])}" if elsewhere else sign


def _instead(check: Mapping[str, Any]) -> str:
    """What the passage has where a claim contradicts it."""
    has = [failure["found"] for failure in check["failed"] if failure["found"]]
    source = f"passage {check['passage']}" if check["passage"] else "the source"
    return f"{source} has “{', '.join(has)[:_LONGEST]}”" if has else f"{source} says otherwise"


def _places(answer: str, checks: Sequence[Mapping[str, Any]]) -> list[_Place]:
    """Where the claims lie, in order and apart. A row of a table ends before its last bar."""
    found: list[_Place] = []
    past = 0
    for number, check in enumerate(checks, 1):
        start, end = check.get("start", 0), check.get("end", 0)
        if not past <= end <= len(answer) or start >= end:
            continue
        start = max(start, past)
        start += len(answer[start:end]) - len(answer[start:end].lstrip())
        row = answer[start:end].startswith("|")
        if row:
            line = _ROW_END.search(answer[start:end])
            end = start + line.start() if line else end
        if start < end:
            found.append(_Place(start, end, row, number, check))
            past = end
    return found


def _after_code(match: re.Match[str]) -> str:
    return _PRIVATE.sub("", match[0]) + "".join(_PRIVATE.findall(match[0]))


def _emptied(line: str, inserted: Mapping[str, str]) -> bool:
    """Whether a line has nothing left but its mark of a list, since its claims were left out."""
    signs = _PRIVATE.findall(line)
    left_out = bool(signs) and not any(inserted[sign] for sign in signs)
    return left_out and _BARE.fullmatch(_PRIVATE.sub("", line)) is not None


def _put(markdown: str, following: str) -> str:
    """A mark and the character after it, which may not be read as a part of the mark."""
    return markdown + JOINER * (bool(markdown) and following in ("{", "[", "("))
