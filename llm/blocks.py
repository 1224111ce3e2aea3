"""Safe Markdown, cut where it may be drawn in pieces: what is finished need not be sent again. Pure.

A block is what a blank line ends: a paragraph, a heading with what stands right below it, a quote, a table. A list goes
on over blank lines for as long as items or indented lines follow, and fenced code up to its closing line; both stay
whole. So each block, drawn alone, looks as it would in the whole text, and a block is larger than it had to be rather
than too small.

A block begins at the first line that is surely not its forerunner's. What cannot be known yet (is "12" the beginning
of "12 people" or of "12. item"?) is not looked into: `Cutter.settled` ends before it. So for any way to cut a stream
into pieces the blocks are the same, and joined they are the text.

This holds for what `llm.citations.Linker` gives out: fences in the first column, no blocks of HTML, no definitions of
links, and no line so far indented that it would be code.
"""

from __future__ import annotations

import re

_ITEM = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)])(?:[ \t]|$)")
_ITEM_BEGUN = re.compile(r"[-*+]|[0-9]{1,9}[.)]?")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_BLANKS = " \t"


class Cutter:
    """Finds where blocks begin in a text that comes in pieces.

    `starts` are their offsets in the text, the first is 0; `settled` is the offset up to which it is known to which
    block the text belongs. Both only grow. Work grows with the pieces, not with the text.
    """

    def __init__(self) -> None:
        self.starts = [0]
        self.settled = 0
        self._line_at = 0
        self._line: list[str] = []  # the pieces of this line so far
        self._length = 0
        self._known = False  # whether this line begins a block has been decided
        self._empty = True  # nothing but blank lines yet
        self._blank = False  # the line before is blank
        self._list = False  # the open block holds a list
        self._fence = ""  # the run of ` or ~ that began the open fence

    def feed(self, piece: str) -> None:
        """Read on."""
        *whole, rest = piece.split("\n")
        for line in whole:
            self._add(line)
            self._settle(ended=True)
            self._end_line()
        self._add(rest)
        self._settle(ended=False)

    def close(self) -> None:
        """The text has ended: all of it is settled."""
        self._settle(ended=True)

    def _add(self, text: str) -> None:
        self._line.append(text)
        self._length += len(text)

    def _settle(self, *, ended: bool) -> None:
        if not self._known:
            self._known = self._decide("".join(self._line), ended)
        self.settled = self._line_at + (self._length if self._known else 0)

    def _decide(self, line: str, ended: bool) -> bool:
        """Whether it can be known by now if this line begins a block; if it does, note it."""
        text = line.lstrip(_BLANKS)
        if not text:
            return ended
        if self._empty or self._fence or not self._blank:
            return True
        if self._list:
            if len(text) < len(line):
                return True
            if not ended and _ITEM_BEGUN.fullmatch(text):
                return False
            if _ITEM.match(text):
                return True
        self.starts.append(self._line_at)
        self._list = False
        return True

    def _end_line(self) -> None:
        line = "".join(self._line)
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not line[fence.end() :].strip(_BLANKS):
                self._fence = ""
        elif fence:
            self._fence = fence[1]
        elif _ITEM.match(line.lstrip(_BLANKS)):
            self._list = True
        self._blank = not line.strip(_BLANKS)
        self._empty = self._empty and self._blank
        self._line_at += self._length + 1
        self._line = []
        self._length = 0
        self._known = False
        self.settled = self._line_at


def cut(text: str) -> list[str]:
    """The blocks of a whole text. Joined they are the text."""
    cutter = Cutter()
    cutter.feed(text)
    cutter.close()
    return [text[start:end] for start, end in zip(cutter.starts, [*cutter.starts[1:], len(text)], strict=True)]
