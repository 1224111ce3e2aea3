"""An answer with all it rests on as one piece of data, and whether it still holds. Pure: no model, no network.

A bundle has the question, the answer, the model and what it was given, what had been searched, what was not found,
where reports differ and what one alone says, each passage with its SHA-256, each check with its quote, and a SHA-256
over all of that. Anybody who has the file can lay the answer against its passages again. The sums find accidents and
careless edits. Whoever makes them anew cannot tell of a quote that is not in its passage, or of a verdict that the
checks do not give. That an outlet really published a passage is not proved by this: its address is there to look.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from llm.assistant import read_found, read_passages
from llm.caveats import HARDLY, UNSAID, caveats
from llm.facts import Number
from llm.facts import read as read_facts
from llm.grounding import review
from llm.window import Ledger
from news.types import ACCORDING_TO

KIND = "broadsheet-evidence"
VERSION = 2
"""Of the bundle: higher when a program that reads it would have to change."""
MOST_CHARACTERS = 5_000_000
"""A longer file is no bundle."""

_CHECKED = ("claim", "verdict", "passage", "part", "at", "quote", "found", "failed")


class NotABundle(ValueError):
    """What was given is no bundle that this version can read."""


def make(question: str, answer: str, state: str, asked_at: datetime, details: Mapping[str, Any]) -> dict[str, Any]:
    """The bundle of a stored answer: `answer` as the model wrote it, `details` those of `Answer`."""
    ledger = Ledger.read(details["ledger"]) if details.get("ledger") else None
    bundle = {
        "kind": KIND,
        "version": VERSION,
        "question": question,
        "asked_at": asked_at.isoformat(),
        "answer": answer,
        "state": state,
        "model": details.get("model", ""),
        "settings": _settings(ledger) if ledger else {},
        "usage": details.get("usage"),
        "horizon": details.get("horizon"),
        "covered": details.get("covered", True),
        "caveats": list(details.get("caveats", ())),
        "disagreements": list(details.get("disagreements", ())),
        "alone": list(details.get("alone", ())),
        "passages": [
            {"n": n, **passage, "sha256": digest(passage)} for n, passage in enumerate(details.get("passages", ()), 1)
        ],
        "cited": [citation["n"] for citation in details.get("citations", ())],
        "checks": list(details.get("checks", ())),
    }
    bundle = json.loads(_written(bundle))  # tuples as lists, and no character that a file cannot hold
    return {**bundle, "sha256": digest(bundle)}


def as_json(bundle: Mapping[str, Any]) -> str:
    """The bundle as a file, in ASCII."""
    return json.dumps(bundle, indent=1) + "\n"


def read(text: str) -> dict[str, Any]:
    """A bundle from its file. Raises `NotABundle`."""
    if len(text) > MOST_CHARACTERS:
        raise NotABundle("This file is too large to be the evidence of an answer.")
    try:
        bundle = json.loads(text)
    except (ValueError, RecursionError):
        raise NotABundle("This file is not the evidence of an answer: it is no JSON.") from None
    if not isinstance(bundle, dict) or bundle.get("kind") != KIND:
        raise NotABundle("This file is not the evidence of an answer.")
    if bundle.get("version") != VERSION:
        raise NotABundle("This file was written by another version of Broadsheet, which is needed to read it.")
    return bundle


def verify(bundle: Mapping[str, Any]) -> list[str]:
    """What does not hold of a bundle, a sentence each; empty if all does.

    The sums are made again, each quote is looked up in its passage, and the answer is checked again by this version; so
    are the caveats that the passages decide, and the figures in which reports differ or that one outlet has alone.
    Raises `NotABundle` if parts are missing or of another type.
    """
    try:
        return _verify(bundle)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError):
        raise NotABundle("This file is not the evidence of an answer: parts of it are missing or broken.") from None


def digest(data: Mapping[str, Any]) -> str:
    """The SHA-256 of data, written as JSON with sorted keys and no blanks."""
    return hashlib.sha256(_written(data).encode()).hexdigest()


def _verify(bundle: Mapping[str, Any]) -> list[str]:
    wrong = []
    if bundle["sha256"] != digest({name: value for name, value in bundle.items() if name != "sha256"}):
        wrong.append("The file was changed after it was written: its SHA-256 is another.")
    rows = [{name: row[name] for name in row if name not in ("n", "sha256")} for row in bundle["passages"]]
    for place, (row, stored) in enumerate(zip(rows, bundle["passages"], strict=True), 1):
        if stored["n"] != place:
            wrong.append(f"Passage {place} is numbered {stored['n']}.")
        if stored["sha256"] != digest(row):
            wrong.append(f"Passage {place} was changed: its SHA-256 is another.")
    wrong += [f"The answer cites passage {n}, which is not there." for n in bundle["cited"] if not 1 <= n <= len(rows)]
    for place, check in enumerate(bundle["checks"], 1):
        if check["quote"] and not _is_quoted(check, rows):
            wrong.append(f"The quote for claim {place} is not in passage {check['passage']}.")
    wrong += _caveats_that_fail(bundle, rows) + _accounts_that_fail(bundle, rows) + _alone_that_fail(bundle, rows)
    return wrong + _rechecked(bundle, rows)


def _caveats_that_fail(bundle: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Caveats that the passages do not give. All that were found lacked it, so those that were sent lack it too."""
    found = read_found({**bundle, "passages": rows})
    now = caveats(bundle["question"], found)
    decided = [told for told in bundle["caveats"] if rows and (told == HARDLY or told.startswith(UNSAID))]
    return [
        f"“{told}” does not hold: checked again, the passages do not lack it." for told in decided if told not in now
    ]


def _accounts_that_fail(bundle: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Accounts whose figure is not in their quote, or whose quote is not in the passage at their address."""
    wrong = []
    for told in bundle["disagreements"]:
        for account in told["accounts"]:
            said, _, source = account["says"].partition(ACCORDING_TO)
            figure = float(said.removeprefix("about ").replace(",", ""))
            numbers = [token.value.value for token in read_facts(account["quote"]) if isinstance(token.value, Number)]
            same = [row for row in rows if row["url"] == account["url"] and not _is_excerpt(row["text"])]
            texts = [_spaced(f"{row['title']}\n{row['text']}") for row in same]
            if figure not in numbers:
                wrong.append(f"The quote of {account['feed']} does not have its figure, {account['says']}.")
            if source.lower() not in _spaced(account["quote"]).lower():
                wrong.append(f"The quote of {account['feed']} does not name its source, {source}.")
            if texts and not any(_spaced(account["quote"]) in text for text in texts):
                wrong.append(f"The quote of {account['feed']} on {told['about']} is not in its passage.")
    return wrong


def _alone_that_fail(bundle: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Figures told to be one outlet's alone that are not in its passage, or that stand in another outlet's."""
    wrong = []
    for told in bundle["alone"]:
        texts: dict[str, list[str]] = {row["feed"]: [] for row in rows}
        for row in rows:
            texts[row["feed"]].append(f"{row['title']}\n{row['text']}")
        figure = re.compile(rf"(?<![\w.,]){re.escape(told['figure'])}(?![\w]|[.,]\d)")
        if not figure.search(told["quote"]) or not any(told["quote"] in text for text in texts.get(told["feed"], ())):
            wrong.append(f"The figure {told['figure']} is not in the passage of {told['feed']} as it is quoted.")
        wrong += [
            f"The figure {told['figure']}, told to be of {told['feed']} alone, is in a passage of {feed} too."
            for feed, said in texts.items()
            if feed != told["feed"] and any(figure.search(text) for text in said)
        ]
    return wrong


def _is_excerpt(text: str) -> bool:
    """Whether it may be a part of its article, in which case what is not in it may be in the rest."""
    return text.startswith("…") or text.endswith("…")


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _is_quoted(check: Mapping[str, Any], rows: list[dict[str, Any]]) -> bool:
    if not 1 <= check["passage"] <= len(rows) or check["part"] not in ("title", "text"):
        return False
    return bool(rows[check["passage"] - 1][check["part"]].startswith(check["quote"], check["at"]))


def _rechecked(bundle: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Where the checks come out otherwise now."""
    if bundle["state"] in ("streaming", "failed"):  # an answer is checked when it has ended
        return []
    checked = review(bundle["answer"], read_passages({"passages": rows}))
    now = json.loads(_written([claim.as_dict() for claim in checked]))
    then = bundle["checks"]
    if len(now) != len(then):
        return [f"The answer has {len(now)} claims, and the file tells of {len(then)}."]
    wrong = []
    for place, (old, new) in enumerate(zip(then, now, strict=True), 1):
        if old["verdict"] != new["verdict"]:
            wrong.append(f"Claim {place} is told to be {old['verdict']}; checked again, it is {new['verdict']}.")
        elif any(old[name] != new[name] for name in _CHECKED):
            wrong.append(f"The check of claim {place} comes out otherwise: see its quote and what failed.")
    return wrong


def _settings(ledger: Ledger) -> dict[str, Any]:
    """What bounded the request, and what of it was sent, in tokens."""
    kinds = dict.fromkeys(line.kind for line in ledger.lines)
    return {
        "budget": ledger.budget,
        "reply": ledger.reply,
        "bound": ledger.bound,
        "counted": ledger.how,
        "sent": {kind: ledger.total(kind) for kind in kinds},
        "left_out": {kind: sum(not line.kept for line in ledger.of(kind)) for kind in kinds},
    }


def _written(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
