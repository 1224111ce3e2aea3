"""What a question takes for granted, and whether any passage says it: "why did X resign?" asks for a reason. Pure.

Only what can be judged without a model is: that something of a kind of event (`_EVENTS`: somebody resigned, died, was
arrested) happened to somebody who is named. A passage bears it out if one of its sentences holds a word for such an
event, not as something called for, feared, denied or still to come, and the passage names one of those it happened to.
Whatever the tables do not know is taken to be true, so what is said is seldom wrong and much goes unsaid.
English; "why is", "when did", "where was … taken after he …", "now that it has …", "X's resignation", "who killed …".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from llm.facts import Token, read
from llm.lexicon import NATION, stem
from news.terms import sentences
from news.types import Passage


@dataclass(frozen=True, slots=True)
class Premise:
    """`told` is a clause, as in "says that …" ("Musk was sentenced to prison"); `event` is the line of the table.

    `who` are the keys of the names in it or, where there is none, of its other words.
    """

    told: str
    event: int
    who: frozenset[str]


# A line an event: words that say it, the first of them its name; after "|" what else may bear it out.
_EVENTS = """
resign resigned resigning resignation quit quitting abdicate abdicated | leave depart departure exit oust outgoing
fire fired firing sack sacked sacking dismiss dismissed dismissal oust ousted | remove removal replace axe
die died dying death perish perished | dead kill fatal obituary body funeral mourn suicide
kill killed killing murder murdered assassinate assassinated assassination | dead die death slay fatal manslaughter
arrest arrested arrests detain detained detention | custody charge hold held seize nab capture
jail jailed imprison imprisoned sentence sentenced convict convicted conviction | prison guilty
charge charged indict indicted indictment accuse accused | prosecutor allege
acquit acquitted acquittal | clear cleared innocent
divorce divorced separate separated | split
marry married wed wedding marriage | bride
cancel cancelled canceled cancellation scrap scrapped abandon abandoned | postpone drop suspend axe
ban banned outlaw outlawed prohibit prohibited | bar block restrict forbid
invade invaded invasion annex annexed annexation | incursion enter seize offensive occupy
bomb bombed bombing | strike attack blast explosion hit drone missile shell
explode exploded explosion | blast burst bomb
crash crashed | collision accident collide plunge derail
sink sank sunk sinking | capsize wreck shipwreck
collapse collapsed | fall fell topple crumble
impeach impeached impeachment
lose lost losing | defeat beat fall win fail reject dismiss loss
win won winning | victory beat defeat champion triumph clinch secure winner crown title prize award
buy bought buying acquire acquired acquisition | takeover purchase merge
sell sold selling | sale buy purchase
surrender surrendered | capitulate
withdraw withdrew withdrawn withdrawal | leave quit exit
recall recalled | withdraw
expel expelled expulsion deport deported deportation | remove eject
suspend suspended suspension | halt ban pause freeze
evacuate evacuated evacuation | flee
kidnap kidnapped kidnapping abduct abducted abduction | seize hostage
apologise apologised apologize apologized apology | sorry regret
confess confessed confession | admit guilty
land landed landing | touch arrive splash fall fell hit fire
"""
_PHRASES = re.compile(
    r"\b(?:(?P<resign>(?:step(?:s|ped|ping)?|st(?:and|ands|anding|ood)) down)|(?P<cancel>call(?:s|ed|ing)? off)|"
    r"(?P<die>pass(?:es|ed|ing)? away)|(?P<divorce>(?:br(?:eak|oke|oken|eaking)|split(?:ting)?) up)|"
    r"(?P<withdraw>pull(?:s|ed|ing)? out))\b",
    re.IGNORECASE,
)
"""Events of two words, each by the first word of its line."""
_ASKED = re.compile(
    r"^\W*(?:(?:and|but|so) )?(?:why|when|where|how come|how) (?P<aux>did|was|were|has|have|is|are) ", re.IGNORECASE
)
_EMBEDDED = re.compile(
    r"\b(?:after|since|because|now that|given that|announced?|admit(?:ted)?|confirm(?:ed)?|say|said|learn(?:ed|t)?) "
    r"(?:that )?(?P<clause>[^?,;]+)",
    re.IGNORECASE,
)
_OWNED = re.compile(r"(?P<owner>(?:[A-Z][\w’'-]* ){0,3}[A-Z][\w-]*)['’]s? (?P<noun>[a-z]+)")
_WHO = re.compile(
    r"^\W*who (?=(?:killed|murdered|assassinated|bombed|kidnapped|impeached|invaded|annexed|arrested|sacked|bought)\b)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:he|she|it)\b", re.IGNORECASE)
_ENDS = re.compile(r"[?;,]| (?:and (?:why|what|who|when|how|where)|after|since|because|now that)\b")
_WHERE = re.compile(r"\b(?:in|at|near|off|outside)(?: the)?(?: [A-Z][\w’'-]*)* $")  # before the name of a place
_DETERMINERS = frozenset("the a an this that his her its their any in on of for to".split())
_PAST = frozenset("won lost sold bought quit sank sunk withdrew withdrawn died shot wed lain".split())
_UNREAL = re.compile(
    r"\b(?:not|never|no|den(?:y|ies|ied)|refus\w+|call(?:s|ed|ing)? (?:for|on)|urg\w+|demand\w*|would|could|may|might|"
    r"if|should|must|pressure|threat\w*|rul(?:e|es|ed) out|avoid\w*|survive\w*|unless|fear\w*|rumou?r\w*|without|"
    r"bid to|won['’]t|n['’]t|plot\w*|attempt\w*|wants?)\b",
    re.IGNORECASE,
)
_NEAR_BEFORE = 60  # characters before an event's word in which it may be called unreal


def _lines() -> tuple[list[frozenset[str]], list[frozenset[str]]]:
    asked, borne = [], []
    for line in _EVENTS.strip().split("\n"):
        says, _, also = line.partition("|")
        asked.append(frozenset(map(stem, says.split())))
        borne.append(asked[-1] | frozenset(map(stem, also.split())))
    return asked, borne


_SAYS, _BEARS = _lines()
_FIRST = [line.split()[0] for line in _EVENTS.strip().split("\n")]
_NOUN = re.compile(r"(?:ation|ment|ction|sion|ption|death|bankruptcy|apology|dismissal|withdrawal)$")


def premises(question: str) -> tuple[Premise, ...]:
    """What `question` takes for granted, as far as it can be judged, in order; each kind of event once."""
    question = " ".join(question[:1_000].split())
    told: list[tuple[str, int]] = []
    if match := _ASKED.match(question):
        told += _clause(question[match.end() :], match["aux"].lower())
    elif match := _WHO.match(question):
        told += _clause(f"anybody {question[match.end() :]}", "")
    for match in _EMBEDDED.finditer(question):
        clause = _with_name(match["clause"], question[: match.start()])
        if clause[:1].isupper() or clause.startswith("the "):
            told += _clause(clause, "")
    for match in _OWNED.finditer(question):
        line = _event(match["noun"])
        if line is not None and _NOUN.search(match["noun"]):
            told.append((f"there was {match[0]}", line))
    out: dict[int, Premise] = {}
    for clause, line in told:
        if who := _who(clause, line):
            out.setdefault(line, Premise(clause, line, who))
    return tuple(out.values())


def unsupported(question: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """Of what `question` takes for granted, the clauses that no passage says; none where there are no passages."""
    if not passages:
        return ()
    return tuple(each.told for each in premises(question) if not any(_says(each, passage) for passage in passages))


def _clause(text: str, aux: str) -> list[tuple[str, int]]:
    """The clause that begins `text`, as a statement, with its event; [] if it has none that is known.

    `aux` is the verb that the question has put before its subject, "" where it stands in its place.
    """
    text = _ENDS.split(text, maxsplit=1)[0].strip(" .!")
    for start, end, line in _events(text):
        subject, verb, rest = text[:start].strip(), text[start:end], text[end:].rstrip()
        inflected = verb.lower().endswith(("ed", "ing")) or verb.lower() in _PAST or " " in verb
        if not subject or subject.rsplit(" ", 1)[-1].lower() in _DETERMINERS or _NOUN.search(verb.lower()):
            continue
        if aux == "did":
            return [(f"{subject} did {verb}{rest}", line)] if not inflected or verb.lower() == "quit" else []
        if inflected:
            return [(" ".join(filter(None, (subject, aux, verb))) + rest, line)]
    return []


def _events(text: str) -> list[tuple[int, int, int]]:
    """Where the words for an event stand in a text, and its line."""
    found = [(m.start(), m.end(), _FIRST.index(str(m.lastgroup))) for m in _PHRASES.finditer(text)]
    for token in read(text):
        if token.kind in ("word", "function") and (line := _event(token.text)) is not None:
            found.append((token.start, token.end, line))
    return sorted(found)


def _with_name(clause: str, before: str) -> str:
    """A clause with the first name before it for its pronoun."""
    names = [token.text for token in read(before) if token.kind == "name"]
    return _PRONOUN.sub(lambda _: names[0], clause) if names else clause


def _event(word: str) -> int | None:
    key = stem(word)
    return next((n for n, line in enumerate(_SAYS) if key in line), None)


def _who(clause: str, line: int) -> frozenset[str]:
    tokens = [token for token in read(clause) if token.key not in _SAYS[line]]
    names = frozenset(
        _key(token) for token in tokens if token.kind == "name" and not _WHERE.search(clause[: token.start])
    )
    return names or frozenset(token.key for token in tokens if token.kind == "word")


def _key(token: Token) -> str:
    """What a name is compared by: a nation and its people are one."""
    return NATION.get(token.key, token.key)


@lru_cache(maxsize=256)  # what is covered, what answers and what is to be said first all ask this of one question
def _says(premise: Premise, passage: Passage) -> bool:
    title = {_key(token) for token in read(passage.title)}
    return any(
        _tells(sentence, premise.event)
        and not premise.who.isdisjoint(title.union(_key(token) for token in read(sentence)))
        for sentence in [passage.title, *sentences(passage.text)]
    )


def _tells(sentence: str, event: int) -> bool:
    """Whether a sentence says, as a fact, that there was such an event."""
    places = [m.start() for m in _PHRASES.finditer(sentence) if _FIRST.index(str(m.lastgroup)) == event]
    places += [token.start for token in read(sentence) if token.key in _BEARS[event]]
    return any(not _UNREAL.search(sentence[max(0, at - _NEAR_BEFORE) : at]) for at in places)
