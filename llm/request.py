"""All that could be sent -> what is sent. Pure: nothing is searched or asked, so the sum can be shown before asking.

`prepare` makes the request of a question, `prepare_rest` that of the rest of a broken answer. Both fit into the least
of three bounds: the reader's budget, what the server takes at once, and the tokens left of this minute. The last holds
only where enough would still go in to answer well; else waiting is better than answering from next to nothing, and the
client says how long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from llm import prompt, summary, tokens, window
from llm.answerable import answers
from llm.base import ChatModel, Left, Message, TooLarge
from llm.caveats import caveats, in_words
from llm.citations import Linker
from llm.premise import unsupported
from llm.prompt import Turn
from llm.window import TAKEN_OUT, Bound, Item, Ledger, WindowTooSmall
from news.types import Disagreement, Found, Horizon, Passage

FEW = 3
"""Passages that must still go in (or all, if there are fewer) for the minute's tokens to be the budget."""

SHARE = 6
"""One passage takes at most a sixth of the budget: text made to be many tokens cannot push the others out."""

_LABEL = 60
_UNCITED = "The answer so far does not cite it, and no room was left."


@dataclass(frozen=True, slots=True)
class Draft:
    """All that could be sent with a question. `begun` is an answer to go on with, "" for a new one; then the first
    `needed` passages are those it may cite. With `wrong` sentences (lines of `prompt.quote`) it is to be corrected.
    `caveats` are sentences on what was found not to be there.
    """

    question: str
    turns: tuple[Turn, ...]
    found: Found
    system: str
    reply: int
    dropped: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    begun: str = ""
    needed: int = 0
    wrong: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    @property
    def checked(self) -> tuple[str, ...]:
        """What the model is told besides the passages: what they lack, and where they differ."""
        return self.caveats + tuple(map(in_words, self.found.disagreements))


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the messages, the passages in them, and the ledger that says what is in and what is not.

    `notice` is a sentence for the reader when the minute's tokens left passages out, or "". `draft` is what it was made
    from.
    """

    ledger: Ledger
    passages: tuple[Passage, ...]
    messages: tuple[Message, ...]
    draft: Draft
    notice: str = ""


def prepare(
    question: str,
    turns: Sequence[Turn],
    *,
    model: ChatModel,
    found: Found,
    now: datetime,
    pinned: Collection[str] = (),
    dropped: Collection[str] = (),
) -> Request:
    """The request that asks `question` after `turns` (oldest first) with the passages that were found.

    `pinned` and `dropped` hold keys as the ledger's lines carry them: an entry's id as text, a turn's `key`. What is
    pinned, or was found as pinned, goes in before all others; what is dropped stays out, whatever else it is. With an
    empty question this is what would go in next, before one is written. `now` gives the date that the model is told.
    Raises `TooLarge` if not even the question fits.
    """
    passages = tuple(replace(p, pinned=True) if str(p.entry_id) in pinned else p for p in found.passages)
    answered = answers(question, replace(found, passages=passages), follows=bool(turns))
    draft = Draft(
        question,
        tuple(turns),
        replace(found, passages=passages, covered=answered and not unsupported(question, passages)),
        prompt.system(now.astimezone(UTC).date()),
        model.reply_tokens,
        frozenset(dropped),
        frozenset(pinned),
        caveats=caveats(question, replace(found, covered=answered)),
    )
    return _bounded(draft, model, now)


def prepare_rest(
    question: str,
    turns: Sequence[Turn],
    begun: str,
    passages: Sequence[Passage],
    *,
    model: ChatModel,
    now: datetime,
    horizon: Horizon,
    covered: bool = True,
    caveats: Sequence[str] = (),
    disagreements: Sequence[Disagreement] = (),
    dropped: Collection[str] = (),
    wrong: Sequence[str] = (),
) -> Request:
    """The request for the rest of an answer to `question` that broke off after `begun` (`Answer.raw`).

    `passages` are those it was given: they keep their numbers. Where not all fit any more, the last leave, but never
    one that is cited. What was written needs no room in the reply any more, half of it always stays.
    With `wrong` the answer is not to go on but to be written again, with those sentences corrected. `caveats` and
    `disagreements` are told again. Raises `TooLarge` if that does not fit.
    """
    linker = Linker(passages)
    linker.feed(begun)
    linker.close()
    written = tokens.counter(model.name).count(begun)
    draft = Draft(
        question,
        tuple(turns),
        Found(tuple(replace(p, pinned=True) for p in passages), horizon, covered, disagreements=tuple(disagreements)),
        prompt.system(now.astimezone(UTC).date()),
        model.reply_tokens if wrong else max(model.reply_tokens // 2, model.reply_tokens - written),
        frozenset(dropped) - {str(p.entry_id) for p in passages},
        begun=begun,
        needed=max(linker.cited, default=0),
        wrong=tuple(wrong),
        caveats=tuple(caveats),
    )
    return _bounded(draft, model, now)


def shrink(request: Request, budget: int, model: ChatModel) -> Request:
    """The same within `budget` tokens, which the server turned out to take. Raises `TooLarge`."""
    return _fit(request.draft, model, budget, "window")


def _bounded(draft: Draft, model: ChatModel, now: datetime) -> Request:
    ceiling, left = model.ceiling(), model.left()
    budget = model.ctx_length if ceiling is None else min(model.ctx_length, ceiling)
    bound: Bound = "budget" if budget == model.ctx_length else "window"
    if left is None or left.tokens >= budget:
        return _fit(draft, model, budget, bound)
    whole = _fit(draft, model, budget, bound)
    try:
        part = _fit(draft, model, left.tokens, "minute", left.until)
    except TooLarge:
        return whole
    if len(part.passages) < min(FEW, len(whole.passages)):
        return whole
    return part if len(part.passages) == len(whole.passages) else replace(part, notice=_short_of(left, now))


def _short_of(left: Left, now: datetime) -> str:
    seconds = max(1, round((left.until - now).total_seconds()))
    unit = "second" if seconds == 1 else "seconds"
    return f"Only {left.tokens:,} tokens were left for the next {seconds} {unit}, so fewer passages were used."


def _fit(
    draft: Draft,
    model: ChatModel,
    budget: int,
    bound: Bound,
    until: datetime | None = None,
    most: int | None = None,
) -> Request:
    """What of the draft goes into `budget`; of the passages only the first `most`. Raises `TooLarge`."""
    counter = tokens.counter(model.name)
    passages = draft.found.passages
    if not draft.begun:  # an answer goes on with the passages as they were
        passages = tuple(_within(passage, budget // SHARE, counter.count) for passage in passages)
    folded = summary.latest(draft.turns)
    past = draft.turns[folded - 1] if folded else None
    turns, told = _reachable(draft, folded, model.name, counter.ratio, budget)
    frame = counter.message("user")
    try:
        ledger = window.fit(
            system=model.count([Message("system", draft.system)]),
            question=sum(map(counter.count, prompt.ask(draft.question, draft.checked))) + frame,
            passages=[
                _as_asked(Item(_label(f"{p.feed}: {p.title}"), counter.count(line), p.pinned, str(p.entry_id)), draft)
                if most is None or place < most
                else Item(_label(f"{p.feed}: {p.title}"), counter.count(line), key=str(p.entry_id), out=_UNCITED)
                for place, (p, line) in enumerate(zip(passages, prompt.fence(passages), strict=True))
            ],
            turns=told,
            summary=_as_asked(_summary(past, folded, model), draft) if past else None,
            begun=model.count(_after(draft)) if draft.begun else 0,
            budget=budget,
            # A server's small window is not to be spent on the reply alone, but on what it rests on.
            reply=budget // 4 if bound == "window" and draft.reply > budget // 2 else draft.reply,
            how=counter.how,
            bound=bound,
            until=until,
        )
    except WindowTooSmall as error:
        raise TooLarge(str(error), model=model.name, limit=budget) from error
    places = ledger.passages
    if draft.begun and places != tuple(range(len(places))):  # a gap would give the passages after it other numbers
        most = next(n for n, place in enumerate(places) if n != place)
        return _fit(draft, model, budget, bound, until, most)
    if draft.begun and len(places) < draft.needed:
        sentence = "The articles that the answer rests on do not fit any more together with it. Ask again."
        raise TooLarge(sentence, model=model.name, limit=budget)
    kept = tuple(passages[place] for place in places)
    messages = prompt.make_messages(
        draft.system,
        [turns[place] for place in ledger.turns],
        kept,
        draft.question,
        summary=past.summary if past and ledger.total("summary") else "",
        begun=draft.begun,
        wrong=draft.wrong,
        caveats=draft.checked,
    )
    return Request(ledger, kept, tuple(messages), draft)


def _within(passage: Passage, most: int, count: Callable[[str], int]) -> Passage:
    """The passage with as much of its text, then of its title, as `most` tokens hold."""
    while (tokens := count(prompt.fence([passage])[0])) > most and (passage.text or passage.title):
        if text := passage.text:
            passage = replace(passage, text=text[: min(len(text) - 1, len(text) * most // tokens)].rstrip())
        else:
            passage = replace(passage, title=passage.title[: len(passage.title) // 2])
    return passage


def _after(draft: Draft) -> tuple[Message, Message]:
    """What follows the question where there is an answer already."""
    return prompt.correct(draft.begun, draft.wrong) if draft.wrong else prompt.go_on(draft.begun)


def _reachable(draft: Draft, folded: int, model: str, ratio: float, budget: int) -> tuple[list[Turn], list[Item]]:
    """The turns that could go in, oldest first, and their items: the pinned ones, and the newest that `budget` holds.

    Turns before those are not looked at, so that the work does not grow with the conversation; one line tells of them.
    """
    near: list[Item] = []
    place, held = len(draft.turns), 0
    while place > folded and held <= budget:
        place -= 1
        item = _turn(draft.turns[place], model, ratio)
        held += 0 if item.key in draft.dropped else item.tokens
        near.append(_as_asked(item, draft))
    turns, items = list(draft.turns[place:]), near[::-1]
    apart = [turn for turn in draft.turns[:place] if turn.key in draft.pinned] if draft.pinned else []
    if apart:
        turns, items = apart + turns, [_as_asked(_turn(turn, model, ratio), draft) for turn in apart] + items
    if place > folded:
        label = f"{place - folded:,} older turns, not counted" if place - folded > 1 else "An older turn, not counted"
        turns, items = [_UNSEEN, *turns], [Item(label, 0, out="Older turns leave first."), *items]
    return turns, items


_UNSEEN = Turn("", "")


def _as_asked(item: Item, draft: Draft) -> Item:
    """The item with what the reader wants of it."""
    if not draft.dropped and not draft.pinned:
        return item
    if item.key in draft.dropped:
        return item._replace(pinned=False, out=TAKEN_OUT)
    return item._replace(pinned=True) if item.key in draft.pinned else item


@lru_cache(maxsize=2_048)  # the same turns come with every question of a conversation
def _turn(turn: Turn, model: str, ratio: float) -> Item:  # noqa: ARG001
    """A turn with its cost, which changes with what is learned of the model (`ratio`)."""
    return Item(_label(turn.question), summary.cost(turn, model), key=turn.key)


def _summary(turn: Turn, turns: int, model: ChatModel) -> Item:
    label = f"Summary of {turns} earlier turns" if turns > 1 else "Summary of the turn before"
    return Item(label, model.count(prompt.recall(turn.summary)), key=turn.key)


def _label(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"
