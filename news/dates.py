"""Dates as feeds write them -> UTC, or None rather than a guess. Pure.

A wrong date puts an article at the top of today's news or loses it in another century, so each shape is matched whole
and nothing else is tried: `2024-13-45` is no date, `1704067200` is a Unix time and not a day of the year 1704.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

from news.text import visible

# Nine of ten dates look like this, so it is worth a way of its own.
_COMMON = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d\d):(\d\d):(\d\d) "
    r"(?:([+-]\d\d)(\d\d)|GMT|UTC|Z)"
)
_TIME = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,]\d+)?)?"
_ISO = re.compile(
    rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})(?:[T ]\s*{_TIME})?\s*"
    r"(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?(?::\d{2}|\s*\[.*\]|\s*\(.*\))?",
    re.IGNORECASE,
)
# Fri, 05 Jan 2024 10:00:00 +0100, with or without its weekday, comma, time and zone.
_MAIL = re.compile(
    rf"(?:[^\W\d]+\.?,?\s*)?(\d{{1,2}})\.?[\s-]+([^\W\d]{{3,}})\.?,?[\s-]+(\d{{4}}|\d{{2}})(?:,?\s+{_TIME})?\s*(.*)"
)
_AMERICAN = re.compile(
    rf"(?:[^\W\d]+\.?,?\s+)?([^\W\d]{{3,}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?:,?\s+(?:at\s+)?{_TIME})?\s*(.*)"
)
_ASCTIME = re.compile(
    rf"(?:[^\W\d]+,?\s+)?([^\W\d]{{3,}})\s+(\d{{1,2}})\s+{_TIME}\s+(?:([A-Za-z]{{1,5}}|[+-]\d{{4}})\s+)?(\d{{4}})"
)
_CJK = re.compile(
    r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]"
    r"(?:[^\d上下오]{0,8}(\d{1,2})\s*[:時时시]\s*(\d{1,2})(?:\s*[:分분]\s*(\d{1,2}))?)?"
)
_OFFSET = re.compile(r"(?:GMT|UTC|UT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?(?!\d)", re.IGNORECASE)
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january janv janvier januar januari enero ene gennaio gen janeiro янв января січ січня",
            "feb february févr fév février fevr februar februari febrero febbraio fev fevereiro фев февр февраля лют",
            "mar march mars mär märz mrz maart maa marzo março мар марта бер березня",
            "apr april avr avril abr abril aprile апр апреля кві квітня",
            "may mai mei mayo maggio mag maio май мая тра травня",
            "jun june juin juni junio giugno giu junho июн июня чер червня",
            "jul july juil juillet juli julio luglio lug julho июл июля лип липня",
            "aug august août aout augustus agosto ago авг августа сер серпня",
            "sep september sept septembre septiembre settembre set setembro сен сент сентября вер вересня",
            "oct october octobre oktober okt octubre ottobre ott outubro out окт октября жов жовтня",
            "nov november novembre noviembre novembro ноя нояб ноября лис листопада",
            "dec december déc décembre dez dezember diciembre dic dicembre dezembro дек декабря гру грудня",
        ),
        start=1,
    )
    for name in names.split()
}
# Hours east of Greenwich. Letters that several countries use mean what news feeds mean by them.
_ZONES = {
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "akst": -9, "akdt": -8,
    "hst": -10, "ast": -4, "adt": -3, "brt": -3, "art": -3, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2,
    "met": 1, "mest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "trt": 3, "gst": 4, "pkt": 5, "ist": 5.5,
    "ict": 7, "wib": 7, "hkt": 8, "sgt": 8, "awst": 8, "jst": 9, "kst": 9, "acst": 9.5, "aest": 10, "aedt": 11,
    "nzst": 12, "nzdt": 13,
}  # fmt: skip


def read_date(text: str) -> datetime | None:
    """The moment that `text` names, in UTC; without a zone it is taken as UTC. None if it is not surely a date.

    Reads ISO 8601, RFC 822 with the months of some languages, American and C's dates, Chinese, Japanese and Korean
    ones, and Unix seconds or milliseconds.
    """
    try:
        if match := _COMMON.fullmatch(text):
            day, month, year, hour, minute, second, east, minutes = match.groups()
            date = datetime(int(year), MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
            return date - timedelta(hours=int(east), minutes=int(east[0] + minutes)) if east else date
        return _read(" ".join(visible(text[:200]).split()))
    except (ValueError, OverflowError, OSError):
        return None


def _read(text: str) -> datetime | None:
    if text.isdigit():
        return _from_digits(text)
    if match := _MAIL.fullmatch(text):
        day, month, year, hour, minute, second, zone = match.groups()
        if len(year) == 2:
            year = ("20" if int(year) < 70 else "19") + year
        return _named(year, month, day, (hour, minute, second), zone)
    if match := _ISO.fullmatch(text):
        *numbers, zone = match.groups()
        return _utc(numbers, zone or "")
    if match := _AMERICAN.fullmatch(text):
        month, day, year, hour, minute, second, zone = match.groups()
        return _named(year, month, day, (hour, minute, second), zone)
    if match := _ASCTIME.fullmatch(text):
        month, day, hour, minute, second, zone, year = match.groups()
        return _named(year, month, day, (hour, minute, second), zone or "")
    if match := _CJK.search(text):
        return _utc(match.groups(), "")
    return None


def _from_digits(text: str) -> datetime | None:
    if len(text) == 10:
        return datetime.fromtimestamp(int(text), UTC)
    if len(text) == 13:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if len(text) in (8, 14):
        return datetime.strptime(text, "%Y%m%d%H%M%S"[: 6 if len(text) == 8 else None]).replace(tzinfo=UTC)
    return None


def _named(year: str, month: str, day: str, time: tuple[str | None, ...], zone: str) -> datetime | None:
    number = MONTHS.get(month.lower())
    return _utc((year, str(number), day, *time), zone) if number else None


def _utc(numbers: Iterable[str | None], zone: str) -> datetime:
    year, month, day, hour, minute, second = (int(each) if each else 0 for each in numbers)
    zone = zone.strip()
    if zone[:2].lower() in ("am", "pm") and 1 <= hour <= 12:
        hour = hour % 12 + (12 if zone[0] in "pP" else 0)
        zone = zone[2:].strip()
    days, hour = (1, 0) if (hour, minute, second) == (24, 0, 0) else (0, hour)
    second = 59 if second == 60 else second  # a leap second
    date = datetime(year, month, day, hour, minute, second, tzinfo=timezone(_offset(zone)))
    return (date + timedelta(days=days)).astimezone(UTC)


def _offset(zone: str) -> timedelta:
    if match := _OFFSET.match(zone):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return -offset if sign == "-" else offset
    name = re.match(r"\(?([A-Za-z]*)", zone)
    return timedelta(hours=_ZONES.get(name.group(1).lower(), 0) if name else 0)
