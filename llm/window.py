"""The ledger: what goes into a model's window, what is cut, and why.

`fit` takes token counts and gives a `Ledger`. It knows neither text nor tokenizer: equal counts give an equal ledger.

The system message, the question (to go on with an answer: its beginning too) and the room for the reply come first and
whole; without them there is no request. What is left (the room) is shared like this:

1. pinned passages in their order, then pinned turns, newest first: the reader asked for them;
2. the summary of older turns;
3. turns, newest first, up to a third of the room (the newest alone may take up to half of it, since a follow-up without
   the turn it follows is nonsense), and more where the passages do not want the rest;
4. passages by rank with all that is left; one that is too long is passed over, a shorter one after it may still fit;
5. more turns with what then remains.

Turns are whole, and those kept are the newest without a gap: the oldest leave first. Only a pinned one may stand apart,
and one that the reader took out leaves no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

Kind = Literal["system", "summary", "turn", "passage", "question", "begun"]

Bound = Literal["budget", "window", "minute"]
"""What sets the budget: the reader's setting, what the server takes at once, or the tokens left of the minute."""

TAKEN_OUT = "You took it out."
"""The reason of what the reader dropped."""

# Tuples, not dataclasses: a long conversation makes hundreds of them for every question.


class Item(NamedTuple):
    """A passage, a whole turn or the summary, with its cost in tokens.

    `key` is the caller's name for it, `label` the reader's. `out` says why it must stay out, "" if it may go in.
    """

    label: str
    tokens: int
    pinned: bool = False
    key: str = ""
    out: str = ""


class Line(NamedTuple):
    """One line of the ledger. `reason` says in words why it was cut, "" if it was kept."""

    kind: Kind
    label: str
    tokens: int
    kept: bool
    reason: str = ""
    pinned: bool = False
    key: str = ""


class WindowTooSmall(ValueError):
    """System message, question and reply alone are more than the budget. `needed` and `budget` are in tokens."""

    def __init__(self, needed: int, budget: int) -> None:
        super().__init__(
            f"The question and the room for its answer need {needed:,} tokens, but only {budget:,} fit: "
            "ask a shorter question, or raise the context budget in Settings."
        )
        self.needed = needed
        self.budget = budget


class Ledger(NamedTuple):
    """What the window holds. Tokens everywhere; lines in the order sent: system, summary, turns, passages, question,
    and what was begun.

    `reply` is kept free for the answer. `how` says how the tokens were counted: "exact", "learned" (by a ratio that the
    server's own counts taught) or "estimate" (too many rather than too few). `bound` is what set the budget; where that
    is the minute, `until` is its end.
    """

    budget: int
    reply: int
    lines: tuple[Line, ...]
    how: str
    bound: Bound = "budget"
    until: datetime | None = None

    @property
    def prompt(self) -> int:
        """Tokens of everything that is sent."""
        return sum(line.tokens for line in self.lines if line.kept)

    @property
    def used(self) -> int:
        """Tokens of everything that is sent and of the room for the reply: never more than `budget`."""
        return self.prompt + self.reply

    @property
    def room(self) -> int:
        """Tokens of the budget that nothing takes."""
        return self.budget - self.used

    @property
    def passages(self) -> tuple[int, ...]:
        """Places (from 0) of the kept passages in the sequence given to `fit`."""
        return self._kept("passage")

    @property
    def turns(self) -> tuple[int, ...]:
        """Places (from 0) of the kept turns in the sequence given to `fit`."""
        return self._kept("turn")

    def of(self, kind: Kind) -> tuple[Line, ...]:
        """The lines of one kind, kept and cut."""
        return tuple(line for line in self.lines if line.kind == kind)

    def total(self, kind: Kind) -> int:
        """Tokens of everything of one kind that is sent."""
        return sum(line.tokens for line in self.lines if line.kept and line.kind == kind)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: budget, bound, until (ISO, or null), used, reply, how, and the lines with kind, label, tokens,
        kept, reason, pinned and key.
        """
        return {
            "budget": self.budget,
            "bound": self.bound,
            "until": self.until.isoformat() if self.until else None,
            "used": self.used,
            "reply": self.reply,
            "how": self.how,
            "lines": [line._asdict() for line in self.lines],
        }

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """The ledger of an `as_dict`, of this edition's or an older one's."""
        lines = tuple(Line(**line) for line in fields["lines"])
        until = fields.get("until")
        return cls(
            fields["budget"], fields["reply"], lines, fields["how"], fields.get("bound", "budget"),
            datetime.fromisoformat(until) if until else None,
        )  # fmt: skip

    def _kept(self, kind: Kind) -> tuple[int, ...]:
        return tuple(place for place, line in enumerate(self.of(kind)) if line.kept)


def fit(
    *,
    system: int,
    question: int,
    passages: Sequence[Item] = (),
    turns: Sequence[Item] = (),
    summary: Item | None = None,
    begun: int = 0,
    budget: int,
    reply: int,
    how: str = "exact",
    bound: Bound = "budget",
    until: datetime | None = None,
) -> Ledger:
    """Share `budget` tokens as the module says. `passages` come best first, `turns` oldest first.

    `begun` are the tokens of an answer to go on with, and of the request to do so.
    Raises `WindowTooSmall` if what must be in needs more than `budget`. Linear time.
    """
    needed = system + question + begun + reply
    room = budget - needed
    if room < 0:
        raise WindowTooSmall(needed, budget)
    kept_passages, why_passage, room = _take(passages, _pinned(passages), room)
    kept_turns, why_turn, room = _take(turns, reversed(_pinned(turns)), room)
    older = () if summary is None else (summary,)
    kept_summary, why_summary, room = _take(older, range(len(older)), room)

    wanted = sum(item.tokens for item in passages if not item.pinned and not item.out)
    loose = [place for place, item in enumerate(turns) if not item.pinned and not item.out]
    newest = turns[loose[-1]].tokens if loose else 0
    share = max(room // 3, newest if newest <= room // 2 else 0, room - wanted)
    share_left = _newest(turns, loose, kept_turns, share)
    room -= share - share_left
    ranked, why_ranked, room = _take(passages, (i for i, item in enumerate(passages) if not item.pinned), room)
    kept_passages |= ranked
    why_passage |= why_ranked
    room = _newest(turns, loose, kept_turns, room)
    for place in loose:
        if place == loose[-1]:
            needs = turns[place].tokens
            why_turn[place] = f"It needs {needs:,} tokens; {room:,} were left for earlier turns."
        else:
            why_turn[place] = "Older turns leave first."

    return Ledger(
        budget,
        reply,
        (
            Line("system", "System message", system, True),
            *_lines("summary", older, kept_summary, why_summary),
            *_lines("turn", turns, kept_turns, why_turn),
            *_lines("passage", passages, kept_passages, why_passage),
            Line("question", "Question", question, True),
            *([Line("begun", "The answer so far", begun, True)] if begun else ()),
        ),
        how,
        bound,
        until,
    )


def _pinned(items: Sequence[Item]) -> list[int]:
    return [place for place, item in enumerate(items) if item.pinned]


def _take(items: Sequence[Item], order: Iterable[int], room: int) -> tuple[set[int], dict[int, str], int]:
    """Take what fits, in `order`: the places taken, why the others were not, and the room that is left."""
    kept: set[int] = set()
    why: dict[int, str] = {}
    for place in order:
        item = items[place]
        if item.out:
            continue
        if item.tokens <= room:
            kept.add(place)
            room -= item.tokens
        else:
            pinned = "Pinned, but it" if item.pinned else "It"
            why[place] = f"{pinned} needs {item.tokens:,} tokens; {room:,} were left."
    return kept, why, room


def _newest(turns: Sequence[Item], loose: list[int], kept: set[int], room: int) -> int:
    """Move turns from the end of `loose` to `kept` until one does not fit; gives the room that is left."""
    while loose and turns[loose[-1]].tokens <= room:
        place = loose.pop()
        kept.add(place)
        room -= turns[place].tokens
    return room


def _lines(kind: Kind, items: Sequence[Item], kept: set[int], why: dict[int, str]) -> list[Line]:
    return [
        Line(kind, item.label, item.tokens, place in kept, item.out or why.get(place, ""), item.pinned, item.key)
        for place, item in enumerate(items)
    ]
