"""Days, times, languages and changes of wording in words, times as the reader's own clock has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from llm.markdown import literal
from news.edits import Edit, Run

AROUND = 12
"""Words that are shown on each side of what was reworded."""

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nb": "Norwegian",
    "nl": "Dutch", "nn": "Norwegian", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip


def zone() -> tzinfo:
    """The time zone of the reader's browser, UTC if it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "")
    except (ValueError, OSError):  # no such zone, or a name that is none
        return UTC


def day(moment: datetime, at: datetime, here: tzinfo) -> str:
    """The day of `moment` seen from `at`: "Today", "Yesterday", "Friday 20 November", with its year if another."""
    then, today = moment.astimezone(here).date(), at.astimezone(here).date()
    if then == today:
        return "Today"
    if then == today - timedelta(days=1):
        return "Yesterday"
    return long_date(then) if then.year == today.year else f"{long_date(then)} {then.year}"


def long_date(then: date) -> str:
    """A date without its year: "Friday 20 November"."""
    return f"{then:%A} {then.day} {then:%B}"


def clock(moment: datetime, at: datetime, here: tzinfo) -> str:
    """A moment with its time of day, for within a sentence: "today, 14:05"."""
    then = day(moment, at, here)
    return f"{then.lower() if then in ('Today', 'Yesterday') else then}, {moment.astimezone(here):%H:%M}"


def dated(moment: datetime, at: datetime, here: tzinfo) -> str:
    """The same to begin a line with: "Today, 14:05"."""
    told = clock(moment, at, here)
    return told[:1].upper() + told[1:]


def midnight(at: datetime, here: tzinfo) -> datetime:
    """When the reader's day began, in UTC."""
    return at.astimezone(here).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def until(moment: datetime, at: datetime) -> str:
    """How long it is until `moment`, in a few words: "now", "in 12 min", "in 3 h", "in 2 days"."""
    minutes = (moment - at).total_seconds() / 60
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"in {minutes:.0f} min"
    if minutes < 48 * 60:
        return f"in {minutes / 60:.0f} h"
    return f"in {minutes / 1440:.0f} days"


def language_name(tag: str) -> str:
    """The language of a tag such as "en-GB" in English, else the tag's first part as it is."""
    first = tag.replace("_", "-").split("-")[0].lower()
    return LANGUAGES.get(first, first)


def reworded(edit: Edit) -> str:
    """What went struck through, what came in bold, with a few words around, as Markdown."""
    return " … ".join(filter(None, map(_runs, (edit.title, edit.text))))


def _runs(runs: Sequence[Run]) -> str:
    out = []
    for place, run in enumerate(runs):
        words = run.text.split()
        if run.kind == "same":
            if len(words) > 2 * AROUND:
                first, last = words[:AROUND] if place else [], words[-AROUND:] if place + 1 < len(runs) else []
                words = [*first, "…", *last]
            out.append(literal(" ".join(words)))
        elif text := literal(" ".join(words)):
            out.append(f":gray[~~{text}~~]" if run.kind == "removed" else f"**{text}**")
    return " ".join(out)
