"""What readers may send with the owner's key, where several share it: each request is charged first, and settled after.

A key of a reader's own, or a server of theirs, is nobody's budget, and a personal instance has none.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

import streamlit as st

from desk.budgets import MINUTE, Asking, Budgets, Quota, Quotas, Refused
from llm.base import ChatModel, Left, RateLimited
from llm.groq import GroqModel
from llm.metered import Metered
from llm.models import FREE_DAY, FREE_MINUTE, FREE_TOKENS_DAY, FREE_TOKENS_MINUTE
from pages import Services, now, setting
from pages.parts.model import is_openai, is_shared
from pages.parts.words import clock, zone

log = logging.getLogger(__name__)

FREE = Quota(FREE_MINUTE, FREE_DAY, FREE_TOKENS_MINUTE, FREE_TOKENS_DAY)
OR_ELSE = "Or bring a key of your own, in Settings; it stays in your browser's session."


class Payer:
    """Charges one answer, with all that is sent for it, to the reader who asked. To be made in the page's own run.

    With `whole` unset it counts for everybody alone: what the program sends of itself is no question of the reader's.
    """

    def __init__(self, part: Services, model: ChatModel | None, *, whole: bool = True) -> None:
        self._budgets: Budgets = part.budgets
        self._given = part.quotas
        self._limited = whole and not part.reader.owner
        self._reader = part.reader.id if self._limited else ""
        self._address = part.budgets.machine(st.context.ip_address or "") if self._limited else ""
        self._here: tzinfo = zone()
        self._id = secrets.token_hex(16)
        self._model = model if isinstance(model, GroqModel) else None
        self._own_server = is_openai(setting("GROQ_BASE_URL"))
        self.applies = part.reader.shares and self._model is not None and is_shared()

    def metered(self, model: ChatModel) -> ChatModel:
        """The model, charged for; itself where nothing is."""
        return Metered(model, charge=self.charge, release=self.release, left=self.left) if self.applies else model

    def charge(self, model: str, tokens: int) -> None:
        """Charge a request. Raises `RateLimited`."""
        if not self.applies:
            return
        at = now()
        asking = Asking(self._id, model, tokens, self._reader, self._address)
        refused = self._budgets.charge(asking, self._quotas, now=at)
        if refused:
            sentence = told(refused, at, self._here)
            log.info("refused", extra={"scope": refused.scope, "span": span(refused)})
            raise RateLimited(sentence, model=model, until=refused.until)

    def release(self) -> None:
        """What was charged was not sent, or refused."""
        if self.applies:
            self._budgets.release(self._id)

    def left(self) -> Left | None:
        """What all readers together may still send this minute."""
        at, model = now(), self._model.name if self._model else ""
        most = self._quotas(self._budgets.said(model)).everyone.tokens_a_minute
        if most is None:
            return None
        used, until = self._budgets.lately(model, now=at)
        return Left(max(0, most - used), until)

    def settle(self, details: Mapping[str, Any]) -> None:
        """The answer has ended: charge what it took, if that is known, and keep what the provider said of its limits.

        Tokens out of a provider's cache are not held against its limits.
        """
        if not self.applies:
            return
        if usage := details.get("usage"):
            self._budgets.settle(self._id, usage["prompt"] - usage["cached"] + usage["completion"])
        if self._model and (said := self._model.limits()):
            limits = said[0]
            quota = Quota(questions_a_day=limits.requests, tokens_a_minute=limits.tokens)
            self._budgets.say(str(details.get("model") or self._model.name), quota)

    def _quotas(self, said: Quota) -> Quotas:
        return quotas(self._given, said, free=not self._own_server)


def quotas(given: Quotas, said: Quota, *, free: bool) -> Quotas:
    """The limits that hold: those `given` by the owner, and everybody's within what the provider `said`.

    Providers say only two of their four limits. Where these are no more than those of Groq's `free` plan, or not said
    yet, the other two are taken to be that plan's as well.
    """
    whole = said.over(FREE)
    known = whole if free and whole.within(FREE) == whole else said
    return Quotas(given.reader, given.address, given.everyone.over(known).within(said))


def span(refused: Refused) -> str:
    """The time in which too much was asked."""
    return "minute" if refused.span == MINUTE else "day"


def told(refused: Refused, at: datetime, here: tzinfo) -> str:
    """Why a question was not sent, and when it may be, as the reader is told."""
    asked_in = span(refused)
    when = f"{refused.until.astimezone(here):%H:%M:%S}" if refused.span == MINUTE else clock(refused.until, at, here)
    if refused.scope == "reader":
        why = f"You have asked as much as one reader may in a {asked_in}"
    elif refused.scope == "address":
        why = f"From your network was asked as much as may be in a {asked_in}"
    else:
        why = f"All readers together have asked as much as may be in a {asked_in}"
    return (
        f"{why}. You can go on at {when}. {OR_ELSE}"
        if refused.span == MINUTE
        else f"{why}. You can go on {when}. {OR_ELSE}"
    )
