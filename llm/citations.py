"""What a model writes, delta by delta -> Markdown that is safe to show, with its `[n]` as links. Pure.

Kept is the Markdown that helps a reader: paragraphs, emphasis, lists, headings, quotes, tables, inline code, fenced
code. Everything else is shown as text: nothing a model writes becomes a link, a picture, HTML, a formula, a directive
or an icon of its own. The only links are ours: a number between brackets that names a passage opens the address that
was stored with that passage.

`Linker` reads characters, not deltas: whatever way the same text is cut, the same Markdown comes out. It keeps back
only what is not yet decided (an open bracket, an unfinished code span), never more than `HOLD` characters. One rule
makes this hold: a decision looks at nothing but the next `HOLD` characters and the state so far.

Two things of our own are put down so firmly that what a parser sees is what we saw: code spans never cross a line or
a table's column, and fenced code starts in the first column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm.markdown import HIDDEN, JOINER, escape, link
from news.types import Passage

HOLD = 300
"""The most characters that are kept back undecided."""

_TITLE_LENGTH = 100  # a link is sent again with each update of the page
_SPAN = 30  # numbers in "[1-30]", beyond which it is no range of passages

# A citation as models write them: [1] [1, 2] [1-3] [^1], and 【1】 【1†L3-L5】 ［１］ with wide brackets.
_NUMBER = r"\^?[0-9\uff10-\uff19]{1,4}"
_NUMBERS = rf"{_NUMBER}(?:\s*[,;\uff0c\u3001\u2010-\u2014-]\s*{_NUMBER})*"
_GROUP = re.compile(rf"\s*({_NUMBERS})\s*(?:\u2020[^\]\n\u3011\uff3d]*)?")
_MARK = re.compile(
    rf"[ \t]*(?:\[\s*{_NUMBERS}\s*\]"
    rf"|[\u3010\uff3b]\s*{_NUMBERS}\s*(?:\u2020[^\]\n\u3011\uff3d]*)?[\u3011\uff3d])"
)
_PART = re.compile(rf"({_NUMBER})(?:\s*[\u2010-\u2014-]\s*({_NUMBER}))?")
_CLOSING = {"[": "]", "\u3010": "\u3011", "\uff3b": "\uff3d"}

# What stands between "[text]" and its end to make it a link: (address) or (address "title").
_TARGET = re.compile(
    r"\(\s*(?:<[^<>]*>|(?:[^\s()<>]|\([^\s()]*\))*)(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)",
)
_PLAIN = re.compile(r"[^\\`\[\]\u3010\uff3b!<&$~:@./\n]+")
_READ_FIRST = frozenset("\\!`<[\u3010\uff3b")  # what they mean depends on what follows
_ODD_SPACES = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_SPECIAL = frozenset("[]<&$~:!\\`")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_IN_NAME = re.compile(r"[\w+/-]*", re.ASCII)  # what may stand in the name of an icon or an emoji
_BREAK = re.compile(r"<br {0,3}/?>", re.IGNORECASE)
_BREAK_BEGUN = re.compile(r"<(?:b(?:r {0,3}/?)?)?", re.IGNORECASE)
_FENCE = re.compile(r"(`{3,}|~{3,})([^\n]*)\n")
_HEADING = re.compile(r"(#{1,6})(?:[ \t]|(?=\n))")
_BULLET = re.compile(r"([-*+])(?:[ \t]|(?=\n))")
_ORDINAL = re.compile(r"([0-9]{1,9})([.)])(?:[ \t]|(?=\n))")
_MARK_BEGUN = re.compile(r"#{1,6}|[-*+]|[0-9]{1,9}[.)]?")
_COLUMNS = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")  # under a table's head
_COLUMNS_BEGUN = re.compile(r"[|: \t-]*")
_FENCE_END = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*")
_FENCE_END_BEGUN = re.compile(r"[ \t]*(?:`*|~*)[ \t]*")


_Step = tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Citation:
    """A number that the answer cites, and the passage it means."""

    n: int
    passage: Passage


def unmarked(text: str) -> str:
    """`text` without its citations and the blanks before them."""
    return _MARK.sub("", text).strip()


def numbered(text: str, passages: int) -> str:
    """`text` with each citation of one of so many passages in one form, `[n]`; others stay as they are."""

    def plain(mark: re.Match[str]) -> str:
        blank = mark[0][: len(mark[0]) - len(mark[0].lstrip())]
        found = _through(mark[0].split("\u2020")[0], passages)  # after a dagger stand a page's lines
        numbers = [number for number in found if isinstance(number, int)]
        return blank + "".join(f"[{number}]" for number in numbers) if len(numbers) == len(found) else mark[0]

    return _MARK.sub(plain, text)


class Linker:
    """Makes the deltas of one answer safe Markdown. `passages` are those the model was given: the first is number 1.

    `feed` gives what is decided, `close` the rest. After `close` the linker is used up.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._links = [cite(n, passage) for n, passage in enumerate(passages, start=1)]
        self._cited: dict[int, None] = {}  # in order of first appearance
        self._held = ""
        self._carriage = False  # the last character was a carriage return
        self._line_start = True
        self._bare = True  # nothing of this line is out yet, not even the mark of a quote or a list
        self._blank = True  # the line before was blank
        self._indent = 0  # how far text of the last list item may be indented
        self._quoted = False  # this line, or the one where the open fence began, is a quote
        self._fence = ""  # the run of ` or ~ that began the open fence
        self._shown = ""  # the last three characters shown in this line
        self._name: str | None = None  # what was shown since a colon, while it could be a name

    @property
    def cited(self) -> tuple[int, ...]:
        """The known numbers cited so far, in order of first appearance."""
        return tuple(self._cited)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """`cited` with the passages."""
        return tuple(Citation(n, self._passages[n - 1]) for n in self._cited)

    def feed(self, delta: str) -> str:
        """The Markdown that this delta decides; may be empty."""
        self._held += self._clean(delta)
        return self._drain(last=False)

    def close(self) -> str:
        """The Markdown of what was kept back."""
        out = self._drain(last=True)
        if self._fence:
            out += ("" if self._line_start else "\n") + self._close_fence()
        return out

    def _clean(self, delta: str) -> str:
        """Without hidden characters, and with every line end as one newline, whatever way they are cut."""
        if self._carriage and delta.startswith("\n"):
            delta = delta[1:]
            self._carriage = False
        if not delta:
            return ""
        self._carriage = delta.endswith("\r")
        delta = delta.replace("\r\n", "\n").replace("\r", "\n")
        return HIDDEN.sub("", _ODD_SPACES.sub(" ", delta))

    def _drain(self, *, last: bool) -> str:
        out: list[str] = []
        at = 0
        while at < len(self._held):
            window = self._held[at : at + HOLD]
            full = len(window) == HOLD
            read = self._code if self._fence else self._block if self._line_start else self._inline
            step = read(window, last or full, last and not full)
            if step is None:
                break
            at += step[0]
            out.append(step[1])
        self._held = self._held[at:]
        return "".join(out)

    # Each reader takes the window, the next HOLD characters or fewer, and gives how many of them it read and the
    # Markdown for those; or None if that depends on characters to come. `last` says it must decide now; `ended`, that
    # the text ends with this window.

    def _code(self, window: str, last: bool, ended: bool) -> _Step:
        line, newline, _ = window.partition("\n")
        if not self._line_start:
            self._line_start = bool(newline)
            return len(line + newline), line + newline
        inside = line
        if self._quoted:
            inside = line.lstrip(" \t").removeprefix(">").removeprefix(" ")
        if not newline and not last and _FENCE_END_BEGUN.fullmatch(inside):
            return None
        if self._quoted and not line.lstrip(" \t").startswith(">"):
            return 0, self._close_fence()
        end = _FENCE_END.fullmatch(inside)
        if end and end[1][0] == self._fence[0] and len(end[1]) >= len(self._fence):
            return len(line + newline), self._close_fence()
        self._line_start = False
        return len(line) - len(inside), ""

    def _open_fence(self, run: str) -> str:
        start = "" if self._bare else "\n"  # in the first column: no line of code can end what it stands in
        self._fence = run
        self._indent = 0
        return f"{start}{run}\n"

    def _close_fence(self) -> str:
        fence, self._fence = self._fence, ""
        self._new_line(blank=True)
        return fence + "\n"

    def _block(self, window: str, last: bool, ended: bool) -> _Step:
        """The beginning of a line: its indentation, and the mark of a block if there is one."""
        rest = window.lstrip(" \t")
        blanks = len(window) - len(rest)
        width = len(window[:blanks].expandtabs(4))
        if not rest:
            return (blanks, "") if last else None
        if rest[0] == "\n":
            self._new_line(blank=self._bare)
            return blanks + 1, "\n"
        line, newline, _ = rest.partition("\n")
        if rest[0] in "`~":
            run = len(line) - len(line.lstrip(rest[0]))
            if not newline and not last and (run == len(line) or run >= 3):
                return None
            fence = _FENCE.match(line + "\n") if newline or ended else None
            if fence and not (rest[0] == "`" and "`" in fence[2]):
                return blanks + len(line + newline), self._open_fence(fence[1])
            return blanks, self._begin_text(width)
        if rest[0] in "|:-":
            if not newline and not last and _COLUMNS_BEGUN.fullmatch(line):
                return None
            if (newline or ended) and ("|" in line or ":" in line) and _COLUMNS.fullmatch(line):
                return blanks + len(line), self._begin_text(width) + line
        if not newline and not last and _MARK_BEGUN.fullmatch(line):
            return None
        if rest[0] == ">":
            indentation = self._indentation(width)
            self._bare = False
            self._quoted = True
            return blanks + 1 + (rest[1:2] == " "), indentation + "> "
        whole = line + "\n" if newline or ended else line
        if heading := _HEADING.match(whole):
            level = min(6, len(heading[1]) + 2)  # an answer's headings stand below those of its page
            return blanks + min(heading.end(), len(line)), self._begin_text(width) + "#" * level + " "
        if bullet := _BULLET.match(whole):
            return blanks + min(bullet.end(), len(line)), self._begin_item(width, bullet[1])
        if ordinal := _ORDINAL.match(whole):
            number, dot = ordinal.groups()
            if len(number) <= 3:
                return blanks + min(ordinal.end(), len(line)), self._begin_item(width, number + dot)
            # "2024. What a year" is no list with 2,024 items.
            return blanks + len(number + dot), f"{self._begin_text(width)}{number}\\{dot}"
        if rest[0] == "#":
            return blanks + 1, self._begin_text(width) + "\\#"
        return blanks, self._begin_text(width)

    def _begin_text(self, width: int) -> str:
        if width == 0 and self._blank and self._bare:
            self._indent = 0  # the list is over
        indentation = self._indentation(width)
        self._line_start = self._bare = False
        return indentation

    def _begin_item(self, width: int, mark: str) -> str:
        indentation = self._indentation(width)
        self._indent = len(f"{indentation}{mark} ") + (0 if self._bare else self._indent)
        self._bare = False
        return f"{indentation}{mark} "

    def _indentation(self, width: int) -> str:
        """Blanks for a line that had `width` of them: never so many that it would become a block of code."""
        return " " * min(width, self._indent) if self._bare else ""

    def _new_line(self, *, blank: bool) -> None:
        self._line_start = self._bare = True
        self._blank = blank
        self._quoted = False
        self._shown = ""
        self._name = None

    def _inline(self, window: str, last: bool, ended: bool = False) -> _Step:
        first = window[0]
        if plain := _PLAIN.match(window):
            return plain.end(), self._show(plain[0])
        if first == "\n":
            self._new_line(blank=False)
            return 1, "\n"
        if first in _READ_FIRST and len(window) == 1 and not last:
            return None
        line, newline, _ = window.partition("\n")
        last = last or bool(newline)
        if first == "`":
            return self._span(line, last)
        if first in _CLOSING:
            return self._bracket(line, last)
        if first == "!" and line[1:2] == "[":
            return self._picture(line, last)
        if first == "\\":
            return self._backslash(window)
        if first == "<":
            if not last and _BREAK_BEGUN.fullmatch(line):
                return None
            if found := _BREAK.match(line):
                return found.end(), self._show(" ")
        return 1, self._show(first)

    def _show(self, text: str, markdown: str = "") -> str:
        """Plain text, or one special character, as Markdown (`markdown` if that is known already).

        Streamlit looks for addresses, icons and emoji codes in finished text, so here they are looked for in what was
        shown, not in what was read: what stood between two characters may be gone.
        """
        apart = (
            (text == "/" and (self._shown.endswith(":") or self._name == "material"))
            or (text == "." and self._shown.lower() == "www")
            or (text == ":" and _is_code(self._name or ""))
        )
        if text == ":":
            self._name = ""
        elif self._name is not None:
            self._name = self._name + text if _IN_NAME.fullmatch(text) else None
        self._shown = (self._shown + text)[-3:]
        if text == "@":
            return "\\@" + JOINER
        return JOINER * apart + (markdown or (escape(text) if text in _SPECIAL else text))

    def _letters(self, text: str) -> str:
        return "".join(self._show(character) for character in text)

    def _span(self, line: str, last: bool) -> _Step:
        """`code`, which never crosses a line or a column, or backticks that are just backticks."""
        run = len(line) - len(line.lstrip("`"))
        if run == len(line) and not last:
            return None
        end = next((m for m in re.finditer("`+", line[run:]) if len(m[0]) == run), None)
        if not last and (end is None or run + end.end() == len(line)):
            return None
        self._shown, self._name = "", None
        if end is None or "|" in (inside := line[run : run + end.start()]) or not inside.strip():
            return run, "\\`" * run
        return run + end.end(), line[: run + end.end()]

    def _bracket(self, line: str, last: bool) -> _Step:
        """[n], [text](address), or a bracket that is just a bracket."""
        end = _balance(line, line[0], _CLOSING[line[0]])
        if end is None:
            return (1, self._show(line[0])) if last else None
        inside = line[1:end]
        group = _GROUP.fullmatch(inside)
        numbers = self._numbers(group[1]) if group else ()
        target = _target(line[end + 1 :], last) if line[0] == "[" else 0
        if target is None:
            return None
        if numbers:
            return end + 1 + target, "".join(self._cite(number) for number in numbers)
        if target:
            return end + 1 + target, self._letters(f"[{inside}]") if group else self._nested(inside)
        return 1, self._show(line[0])

    def _picture(self, line: str, last: bool) -> _Step:
        """![text](address) as its text, or an exclamation mark."""
        end = _balance(line[1:], "[", "]")
        target = _target(line[end + 2 :], last) if end is not None else 0 if last else None
        if target is None:
            return None
        if end is not None and target:
            return end + 2 + target, self._nested(line[2 : end + 1])
        return 1, self._show("!")

    def _backslash(self, window: str) -> tuple[int, str]:
        following = window[1:2]
        if following and _PUNCTUATION.match(following):
            return 2, self._show(following, escape(following))
        if following in _CLOSING:  # as the extractive model writes the wide brackets that it quotes
            return 2, self._show(following)
        if following == "\n":
            return 1, "\\"
        return 1, self._show("\\")

    def _nested(self, text: str) -> str:
        """The text of a link or a picture, read as a part of this line."""
        out: list[str] = []
        while text and (step := self._inline(text, last=True)):
            out.append(step[1])
            text = text[step[0] :]
        return "".join(out)

    def _numbers(self, group: str) -> list[int | str]:
        """The known numbers of "1, 3-5" as numbers, unknown parts as text; nothing if none is known."""
        found = _through(group, len(self._links))
        return found if any(isinstance(number, int) for number in found) else []

    def _cite(self, number: int | str) -> str:
        if isinstance(number, str):
            return self._letters(f"[{number}]")
        self._cited[number] = None
        self._shown, self._name = "", None
        return self._links[number - 1]


def draw(text: str, passages: Sequence[Passage]) -> str:
    """A whole text, as `Linker` would show it."""
    linker = Linker(passages)
    return linker.feed(text) + linker.close()


def _through(group: str, passages: int) -> list[int | str]:
    """The numbers of "1, 3-5" that are of so many passages as numbers, the other parts as text."""
    found: list[int | str] = []
    for part in _PART.finditer(group):
        first, until = (int(text.lstrip("^")) if text else 0 for text in part.groups())
        through = range(first, (until or first) + 1)
        if 0 < len(through) <= _SPAN and first >= 1 and through[-1] <= passages:
            found.extend(through)
        else:
            found.append(part[0])
    return found


def cite(n: int, passage: Passage) -> str:
    """The citation of passage `n` as Markdown: a link to its article."""
    title = ": ".join(filter(None, (passage.feed, passage.title)))
    if len(title) > _TITLE_LENGTH:
        title = title[: _TITLE_LENGTH - 1] + "…"
    return link(f"[{n}]", passage.url, title)


def _is_code(name: str) -> bool:
    """Whether ":name:" could be an icon or an emoji; the minutes in 10:30:45 are not."""
    return bool(name) and (not name.isdigit() or name in ("100", "1234"))


def _balance(text: str, opening: str, closing: str) -> int | None:
    """Where the bracket that opens `text` is closed, None if nowhere."""
    if closing not in text:
        return None
    depth = 0
    for at, character in enumerate(text):
        if character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                return at
    return None


def _target(text: str, last: bool) -> int | None:
    """The length of the "(address)" that begins `text`, 0 if it does not begin with one, None if that is undecided."""
    if not text:
        return 0 if last else None
    if text[0] != "(":
        return 0
    end = _balance(text, "(", ")")
    if end is None:
        return 0 if last else None
    return end + 1 if _TARGET.fullmatch(text[: end + 1]) else 0
