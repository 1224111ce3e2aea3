"""When a question is about: its words for time -> a span, a moment, or what is newest. Pure; `now` is an argument.

Days, weeks (from Monday) and months are those of the zone that `now` is in. Two steps: first each expression is read as
the span it names ("3 June" is a day, "last week" seven, "in May" a month); then what stands before it says how it is
meant ("since", "before", "between … and …", "known on"). English, German, French, Spanish, Italian, Portuguese, Dutch,
Swedish, Japanese and Chinese. What is not surely a time is none: "may" is a verb, "the 2030 target" a topic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from news.dates import MONTHS
from news.terms import language_of

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class When:
    """What a question says about time. `since` <= published < `until`; as known at `as_of`; `latest`: newest first.

    `rest` is the question without these words.
    """

    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None
    latest: bool = False
    rest: str = ""


@dataclass(frozen=True, slots=True)
class _Span:
    """Characters `start` to `end` of the question name the time from `since` to `until`."""

    start: int
    end: int
    since: datetime
    until: datetime


def read(question: str, now: datetime) -> When:
    """The time that `question` is about, as seen from `now`. Never raises."""
    spans = sorted(_spans(question, now), key=lambda span: (span.start, -span.end))
    apart: list[_Span] = []
    for span in spans:
        if (not apart or span.start >= apart[-1].end) and span.since <= now:
            apart.append(span)
    latest = _LATEST.search(question) is not None
    if not apart:
        return When(latest=latest, rest=question)
    first, last = apart[0], apart[-1]
    before = question[max(0, first.start - 40) : first.start]
    cut = first.start
    since: datetime | None = first.since
    until: datetime | None = first.until
    as_of = None
    if len(apart) > 1 and _AND.fullmatch(question[first.end : apart[1].start]) and apart[1].until > first.since:
        last, until = apart[1], apart[1].until
    else:
        last = first
    after = question[last.end : last.end + 24]
    if last is not first:
        if match := _FROM.search(before):
            cut = first.start - len(match[0])
    elif match := _SINCE.search(before) or _SINCE_AFTER.match(after):
        until, cut = None, first.start - len(match[0]) if match.re is _SINCE else cut
    elif match := _BEFORE.search(before):
        since, until, cut = None, first.since, first.start - len(match[0])
    elif match := _BY.search(before):
        since, cut = None, first.start - len(match[0])
    elif _KNOWN.search(question):
        since, until, as_of = None, None, min(last.until, now)
    elif match := _ON.search(before):
        cut = first.start - len(match[0])
    rest = f"{question[:cut]} {question[last.end :]}"
    return When(since, until if until is None or until <= now else None, as_of, latest, rest)


# ---------------------------------------------------------------- spans


def _days(first: datetime, days: int = 1) -> tuple[datetime, datetime]:
    return first, first + timedelta(days=days)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _month(now: datetime, year: int, month: int) -> tuple[datetime, datetime]:
    first = _midnight(now).replace(year=year, month=month, day=1)
    return first, first.replace(year=year + month // 12, month=month % 12 + 1)


def _spans(question: str, now: datetime) -> Iterator[_Span]:
    tongue = language_of(question)
    for pattern, read_one in _READERS:
        for match in pattern.finditer(question):
            try:
                found = read_one(match, now)
            except (ValueError, OverflowError):  # 30 February
                continue
            if not (match[0].casefold() == "hier" and tongue in ("de", "nl")):  # "here", and not yesterday
                yield _Span(match.start(), match.end(), *found)


def _words(*names: str) -> str:
    return "|".join(sorted(" ".join(names).replace("_", r"\s+").split(), key=len, reverse=True))


def _word(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?:['’]s)?(?!\w)", re.IGNORECASE)


_NUMBERS = {
    name: number
    for number, names in enumerate(
        (
            "one a an ein einem einer un une uno una um uma een en ett einen 一",
            "two couple zwei deux dos due dois duas twee två 二 两",
            "three few drei trois tres tre três drie 三 数 几",
            "four vier quatre cuatro quattro quatro fyra 四",
            "five fünf cinq cinco cinque vijf fem 五",
            "six sechs seis sei zes sex 六",
            "seven sieben sept siete sette sete zeven sju 七",
            "eight acht huit ocho otto oito åtta 八",
            "nine neun neuf nueve nove negen nio 九",
            "ten zehn dix diez dieci dez tien tio 十",
        ),
        start=1,
    )
    for name in names.split()
}
_N = rf"(?P<n>\d{{1,3}}|{_words(*(name for name in _NUMBERS if name.isascii() or len(name) > 1))})"
_WIDE_N = r"(?P<n>\d{1,3}|[一二两三四五六七八九十数几])"
_HOURS = _words("hour hours stunde stunden heure heures hora horas ora ore uur timme timmar")
_DAYS = _words("day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen dagar dygnet")
_WEEKS = _words("week weeks woche wochen semaine semaines semana semanas settimana settimane weken vecka veckor")
_MONTH_UNITS = _words("month months monat monate monaten mois mes meses mese mesi mês maand maanden månad månader")
_UNIT = rf"(?P<unit>{_HOURS}|{_DAYS}|{_WEEKS}|{_MONTH_UNITS})"
_UNITS = (
    (re.compile(f"(?:{_HOURS}|小?[时時]間?|小时|時間)", re.IGNORECASE), timedelta(hours=1)),
    (re.compile(f"(?:{_DAYS}|日間?|天)", re.IGNORECASE), _DAY),
    (re.compile(f"(?:{_WEEKS}|週間?|周|星期|个星期)", re.IGNORECASE), 7 * _DAY),
    (re.compile(f"(?:{_MONTH_UNITS}|[かヶ个個]?月間?)", re.IGNORECASE), 30 * _DAY),
)


def _length(match: re.Match[str]) -> timedelta:
    told = match["n"]
    number = int(told) if told.isdecimal() else _NUMBERS[told.casefold()]
    return number * next(length for pattern, length in _UNITS if pattern.fullmatch(match["unit"]))


def _back(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    """The last three days."""
    return now - _length(match), now + timedelta(seconds=1)


def _ago(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    """Three days ago: that day."""
    length = _length(match)
    if length < _DAY:
        return now - length - timedelta(minutes=30), now - length + timedelta(minutes=30)
    return _days(_midnight(now - length))


def _relative(days_back: int, days: int) -> Callable[[re.Match[str], datetime], tuple[datetime, datetime]]:
    return lambda _, now: _days(_midnight(now) - timedelta(days=days_back), days)


def _week(weeks_back: int) -> Callable[[re.Match[str], datetime], tuple[datetime, datetime]]:
    return lambda _, now: _days(_midnight(now) - timedelta(days=now.weekday() + 7 * weeks_back), 7)


def _weekend(_: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    saturday = _midnight(now) - timedelta(days=(now.weekday() - 5) % 7)
    return _days(saturday, 2)


def _this_month(_: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    return _month(now, now.year, now.month)


def _last_month(_: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    before = now.replace(day=1) - _DAY
    return _month(now, before.year, before.month)


def _year(years_back: int) -> Callable[[re.Match[str], datetime], tuple[datetime, datetime]]:
    def span(_: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
        first = _midnight(now).replace(year=now.year - years_back, month=1, day=1)
        return first, first.replace(year=first.year + 1)

    return span


def _weekday(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    number = WEEKDAYS[match["weekday"].casefold()]
    back = (now.weekday() - number) % 7
    return _days(_midnight(now) - timedelta(days=back or (7 if match.groupdict().get("last") else 0)))


def _month_number(name: str) -> int:
    return int(name) if name.isdecimal() else MONTHS[name.casefold()]


def _date(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    groups = match.groupdict()
    month = _month_number(groups["month"])
    year = int(groups["year"]) if groups.get("year") else now.year
    day = _midnight(now).replace(year=year, month=month, day=int(groups["day"]))
    if not groups.get("year") and day > now:
        day = day.replace(year=year - 1)
    return _days(day)


def _named_month(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    groups = match.groupdict()
    month = _month_number(groups["month"])
    year = int(groups["year"]) if groups.get("year") else now.year - (month > now.month)
    return _month(now, year, month)


def _named_year(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    first = _midnight(now).replace(year=int(match["year"]), month=1, day=1)
    return first, first.replace(year=first.year + 1)


def _bare_days(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    """Between the 3rd and the 9th, of the month that is named or of the last in which the first has been."""
    groups = match.groupdict()
    name = groups.get("month")
    month = _month_number(name) if name else now.month
    first = _midnight(now).replace(month=month, day=int(groups["first"]))
    if first > now:
        first = first.replace(year=first.year - 1) if name else (first.replace(day=1) - _DAY).replace(day=first.day)
    return first, first.replace(day=int(groups["last"])) + _DAY


def _bare_day(match: re.Match[str], now: datetime) -> tuple[datetime, datetime]:
    day = _midnight(now).replace(day=int(match["day"]))
    return _days(day if day <= now else (day.replace(day=1) - _DAY).replace(day=day.day))


WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedì lunedi segunda-feira maandag måndag 月曜日 月曜 星期一 周一 週一",
            "tuesday dienstag mardi martes martedì martedi terça-feira dinsdag tisdag 火曜日 火曜 星期二 周二 週二",
            "wednesday mittwoch mercredi miércoles miercoles mercoledì quarta-feira woensdag onsdag 水曜日 水曜 "
            "星期三 周三",
            "thursday donnerstag jeudi jueves giovedì giovedi quinta-feira donderdag torsdag 木曜日 木曜 "
            "星期四 周四 週四",
            "friday freitag vendredi viernes venerdì venerdi sexta-feira vrijdag fredag 金曜日 金曜 星期五 周五 週五",
            "saturday samstag sonnabend samedi sábado sabado sabato zaterdag lördag 土曜日 土曜 星期六 周六 週六",
            "sunday sonntag dimanche domingo domenica zondag söndag 日曜日 日曜 星期日 星期天 周日 週日",
        )
    )
    for name in names.split()
}
_LATIN_WEEKDAY = rf"(?P<weekday>{_words(*(name for name in WEEKDAYS if name < 'Ā'))})s?"
_WIDE_WEEKDAY = f"(?P<weekday>{_words(*(name for name in WEEKDAYS if name > 'Ā'))})"
_MONTH = rf"(?P<month>{_words(*MONTHS)})"
_D = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?"
_OF = r"\s*(?:of\s+|de\s+|del\s+)?"
_Y = r"(?:,?\s+(?:de\s+|del\s+)?(?P<year>(?:19|20)\d\d))"
_LAST = r"(?P<last>last|letzten?|vergangenen?|vorige[nr]?|dernier|pasado|passado|scors[oa]|afgelopen|vorige|förra)"
_IN = (
    r"(?:in|im|during|throughout|en|em|a|au_mois_de|nel_mese_di|nel|since|seit|depuis|desde|dal|da|sinds|sedan|i|"
    r"of|von|until|before|by|bis|early|late|mid)"
).replace("_", r"\s+")

_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], tuple[datetime, datetime]]], ...] = (
    (re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)"), _date),
    (_word(rf"{_D}{_OF}{_MONTH}{_Y}?"), _date),
    (_word(rf"{_MONTH}\s+{_D}{_Y}?"), _date),
    (
        re.compile(
            r"(?P<month>\d{1,2})\s*月\s*(?P<first>\d{1,2})\s*[日号號]?\s*(?:から|〜|～|~|-|–|到|至)\s*"
            r"(?P<last>\d{1,2})\s*[日号號]"
        ),
        _bare_days,
    ),
    (re.compile(r"(?:(?P<year>(?:19|20)\d\d)\s*年\s*)?(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号號]"), _date),
    (
        _word(
            r"(?:between|from|zwischen|vom|von|entre|du|del|tra|dal|van|tussen|mellan)\s+"
            r"(?:the|dem|den|le|el|il|l'|o|de)?\s*(?P<first>\d{1,2})(?:st|nd|rd|th|er|º|\.)?\s*"
            r"(?:-|–|and|to|until|und|bis|et|au|y|al|e|a|en|tot|och|till)\s*(?:the|dem|den|zum|le|el|il|o|de)?\s*"
            rf"(?P<last>\d{{1,2}})(?:st|nd|rd|th|º|\.)?(?:{_OF}{_MONTH})?(?=\W*$|\s+\D)"
        ),
        _bare_days,
    ),
    (
        _word(
            r"(?:(?<=on )|(?<=by )|(?<=since )|(?<=until )|(?<=before ))"
            r"the\s+(?P<day>\d{1,2})(?:st|nd|rd|th)(?=\W*$|,|\s+and)"
        ),
        _bare_day,
    ),
    (_word(rf"(?<!\w){_IN}\s+{_MONTH}{_Y}?"), _named_month),
    (_word(rf"{_MONTH}{_Y}"), _named_month),
    (_word(rf"(?:last|letzten?|vergangenen?)\s+{_MONTH}"), _named_month),
    (
        re.compile(r"(?:(?P<year>(?:19|20)\d\d)\s*年\s*)?(?P<month>1[0-2]|(?<!\d)[1-9])\s*月(?:份|中|に|の)"),
        _named_month,
    ),
    (_word(r"(?:in|im_jahr|im_jahre|since|during|seit|depuis|en|em|nel|sinds|"
        r"år)\s+(?P<year>(?:19|20)\d\d)(?![-/]\d)".replace("_", " ")), _named_year),
    (re.compile(r"(?P<year>(?:19|20)\d\d)年(?!\s*\d{1,2}\s*月)"), _named_year),
    (_word(_words("today tonight heute aujourd'hui aujourd’hui hoy oggi hoje vandaag idag this_morning "
        "this_afternoon this_evening")), _relative(0, 1)),
    (re.compile("今日|本日|きょう|今天|今晚|今早"), _relative(0, 1)),
    (_word(_words("yesterday last_night gestern hier ayer ieri ontem gisteren igår")), _relative(1, 1)),
    (re.compile("昨日|きのう|昨天|昨晚"), _relative(1, 1)),
    (_word(_words("day_before_yesterday vorgestern avant-hier anteayer l'altro_ieri "
        "anteontem eergisteren")), _relative(2, 1)),
    (re.compile("一昨日|おととい|前天"), _relative(2, 1)),
    (_word(_words("this_week diese_woche dieser_woche cette_semaine esta_semana questa_settimana "
        "deze_week den_här_veckan")), _week(0)),
    (re.compile("今週|本周|本週|这周|這週|这个星期"), _week(0)),
    (
        _word(
            _words(
                "last_week previous_week letzte_woche letzten_woche letzter_woche vorige_woche vergangene_woche",
                "vergangenen_woche semaine_dernière semaine_derniere semaine_passée semana_pasada semana_passada",
                "settimana_scorsa scorsa_settimana vorige_week afgelopen_week förra_veckan",
            )
        ),
        _week(1),
    ),
    (re.compile("先週|上周|上週|上个星期|上星期"), _week(1)),
    (_word(_words("last_weekend this_weekend the_weekend wochenende week-end fin_de_semana fine_settimana "
        "weekend fim_de_semana")), _weekend),
    (re.compile("週末|周末"), _weekend),
    (_word(_words("this_month diesen_monat diesem_monat ce_mois-ci este_mes questo_mese "
        "este_mês deze_maand")), _this_month),
    (re.compile("今月|本月|这个月"), _this_month),
    (
        _word(
            _words(
                "last_month letzten_monat vergangenen_monat le_mois_dernier mois_dernier mes_pasado mês_passado",
                "mese_scorso scorso_mese vorige_maand förra_månaden",
            )
        ),
        _last_month,
    ),
    (re.compile("先月|上个月|上個月"), _last_month),
    (_word(_words("this_year dieses_jahr diesem_jahr cette_année este_año este_ano quest'anno dit_jaar")), _year(0)),
    (_word(_words("last_year letztes_jahr letzten_jahr l'année_dernière año_pasado ano_passado "
        "anno_scorso vorig_jaar")), _year(1)),
    (re.compile("今年"), _year(0)),
    (re.compile("去年|昨年"), _year(1)),
    (
        _word(
            r"(?:in\s+)?(?:(?:the|den|die|der|ces|les|los|las|negli|nelle|gli|le|nos|nas|de|het)\s+)?"
            rf"(?:last|past|letzten|vergangenen|últim[oa]s|ultim[oaie]s?|afgelopen|laatste|"
                rf"senaste)\s+{_N}\s+(?:of\s+)?{_UNIT}"
        ),
        _back,
    ),
    (_word(rf"(?:ces|les)\s+{_N}\s+derni(?:er|ère|ere)s\s+{_UNIT}"), _back),
    (_word(r"(?:last|past|letzten|vergangenen)\s+(?P<n>24|48|"
        r"72)\s?(?P<unit>h|hrs?)(?!\w)".replace("h|hrs?", "hours?")), _back),
    (
        re.compile(rf"(?:ここ|過去|この|过去|最近|近){_WIDE_N}(?P<unit>日間?|天|週間|周|时間|時間|小时|[かヶ个個]月)"),
        _back,
    ),
    (_word(rf"{_N}\s+{_UNIT}\s+(?:ago|fa|geleden|sedan)"), _ago),
    (_word(rf"(?:vor|il\s+y\s+a|hace|há|för)\s+{_N}\s+{_UNIT}"), _ago),
    (re.compile(rf"{_WIDE_N}(?P<unit>日|天|週間|周|時間|小时)前"), _ago),
    (_word(rf"(?:{_LAST}\s+)?{_LATIN_WEEKDAY}"), _weekday),
    (re.compile(_WIDE_WEEKDAY), _weekday),
)  # fmt: skip

# ---------------------------------------------------------------- what stands before and after a span

_ARTICLE = r"(?:\s+(?:the|dem|den|der|le|la|l'|el|il|o|a|de|since))?\s*$"
_SINCE = re.compile(
    rf"(?<!\w)(?:since|seit|depuis|desde|dal|dalla|a\s+partire\s+da|sinds|vanaf|sedan|ab|from|after|nach|"
        rf"après|después\s+del?|"
    rf"dopo|depois\s+de|na|after|自从|自){_ARTICLE}",
    re.IGNORECASE,
)  # fmt: skip
_SINCE_AFTER = re.compile(r"\s*(?:以降|以来|から(?!.{0,8}まで)|以后|之后|onwards?|\(included\))")
_BEFORE = re.compile(
    rf"(?<!\w)(?:before|prior\s+to|vor|avant|antes\s+del?|prima\s+del?|voor|före){_ARTICLE}", re.IGNORECASE
)
_BY = re.compile(
    rf"(?<!\w)(?:until|till|by|up\s+to|bis(?:\s+zum)?|jusqu'(?:au|à)|hasta|fino\s+a[l]?|até|tot){_ARTICLE}",
    re.IGNORECASE,
)
_FROM = re.compile(
    rf"(?<!\w)(?:between|from|zwischen|vom|von|entre|du|del|tra|dal|van|tussen|mellan){_ARTICLE}", re.IGNORECASE
)
_ON = re.compile(
    r"(?<!\w)(?:on|am|in|im|op|le|el|il|em|na|no|during|over|at|of|von|vom|du|del|di|de|på)(?:\s+the)?\s*$",
    re.IGNORECASE,
)
_AND = re.compile(r"\s*(?:and|to|und|bis|et|au|y|al|e|a|en|tot|och|till|-|–|から|〜|~|到|至|和|と)\s*(?:the|zum|dem|"
    r"den|le|el|il|l')?\s*", re.IGNORECASE)  # fmt: skip
_KNOWN = re.compile(
    r"(?<!\w)(?:as\s+(?:of|at)|known|knew|bekannt|wusste|stand\s+vom|savait|su|sabía|sabia|sapeva|"
    r"bekend)(?!\w)|時点|时点|分かってい|わかってい|已知",
    re.IGNORECASE,
)
_LATEST = re.compile(
    r"(?<!\w)(?:latest|newest|most\s+recent|just\s+now|right\s+now|breaking|neueste[nrs]?|aktuelle?[nrs]?|"
    r"jüngste[nrs]?|derni[eè]res?|"
    r"últimas|ultime|ultimissime|recientes|más\s+reciente|mais\s+recentes?|laatste|nieuwste|senaste)(?!\w)|最新|速報|刚刚",
    re.IGNORECASE,
)
