"""The evidence of an answer: what was written holds, and any change of it is found, in the data and in the page."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from desk import evidence
from llm import bundle
from llm.__main__ import main, page_of, verified
from llm.assistant import ask
from llm.caveats import HARDLY
from news.types import Account, Disagreement, Found, Horizon, Passage
from tests.conftest import NOW
from tests.llm.fake_model import FakeModel
from tests.pages.conftest import NASTY

HURT = "Forty-one people were hurt when the ferry struck the quay on Monday, the hospital said."
OIL = "Oil rose 4 percent to 91 dollars after the strait was closed, traders said. Nobody knows for how long."
OTHER = "A ferry struck the quay on Monday, and many people were hurt, said the hospital, which called for more nurses."
SHIPS = "Oil rose 4 percent to 91 dollars after the strait was closed and 35 ships were sent back, traders said."
ANSWER = (
    "41 people were hurt when the ferry struck the quay [1]. "
    "Fifty-three people were hurt when the ferry struck the quay [1].\n\n"
    "- The banks of Geneva closed for a week.\n- Oil rose 4 percent to 91 dollars after the strait was closed.\n"
)


def a_bundle(answer: str = ANSWER, *texts: str, question: str = "How many were hurt?", title: str = "Title") -> Any:
    passages = [
        Passage(n, f"{title} {n}", text, f"https://out{n}.example/{n}", f"Outlet {n}", datetime(2026, 6, n, tzinfo=UTC))
        for n, text in enumerate(texts or (HURT, OIL), 1)
    ]  # fmt: skip
    accounts = (
        Account("Outlet 1", "41", passages[0].text, passages[0].url, passages[0].published_at),
        Account(title, "about 53", f"About 53 were hurt, it says: {title}", "https://out9.example/9", NOW),
    )
    found = Found(
        tuple(passages), Horizon(3, 1_200, datetime(2026, 5, 1, tzinfo=UTC), NOW, ("A feed",)), covered=False,
        disagreements=(Disagreement("the hurt", accounts, False),),
        reports=(*passages, *(replace(passages[-1], entry_id=n, feed=f"O{n}", title="", text=OTHER) for n in (8, 9))),
    )  # fmt: skip
    given = ask(question, [], model=FakeModel().says(answer), retrieve=lambda *_: found, now=NOW)
    assert "".join(given)
    return bundle.make(question, given.raw, given.state, NOW, json.loads(json.dumps(given.details)))


def summed(changed: dict[str, Any]) -> dict[str, Any]:
    """With the sums made anew, as somebody who knows how would."""
    for row in changed["passages"]:
        row["sha256"] = bundle.digest({name: row[name] for name in row if name not in ("n", "sha256")})
    changed["sha256"] = bundle.digest({name: value for name, value in changed.items() if name != "sha256"})
    return changed


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value that is no object or list."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    if not isinstance(data, dict | list):
        yield path
    for name, value in items:
        yield from leaves(value, (*path, name))


def other(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value + chance.choice((1, -1, 100))
    at = chance.randrange(len(value) + 1)
    return f"{value[:at]}{chance.choice(('x', ' ', '7', 'not '))}{value[at:]}"


def test_what_was_written_holds_as_json_and_as_a_page() -> None:
    made = a_bundle()
    assert {check["verdict"] for check in made["checks"]} >= {"supported", "contradicted", "not found"}
    assert verified(bundle.as_json(made)) == ([], made)
    assert verified(page_of(made)) == ([], made)


def test_any_changed_value_is_found() -> None:
    made, chance = a_bundle(), random.Random(7)
    assert len(list(leaves(made))) > 100
    for path in leaves(made):
        changed = copy.deepcopy(made)
        place = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = other(place[path[-1]], chance)
        try:
            wrong, _ = verified(bundle.as_json(changed))
        except bundle.NotABundle:
            continue
        assert wrong, path


def test_a_passage_that_was_taken_out_or_added_is_found() -> None:
    for change in (lambda rows: rows.pop(), lambda rows: rows.append(rows[0]), lambda rows: rows.reverse()):
        changed = copy.deepcopy(a_bundle())
        change(changed["passages"])
        assert bundle.verify(changed)


@pytest.mark.parametrize("place", range(4))
def test_a_better_verdict_is_found_although_the_sums_were_made_anew(place: int) -> None:
    changed = copy.deepcopy(a_bundle())
    check = changed["checks"][place]
    check["verdict"] = "partly" if check["verdict"] == "supported" else "supported"
    assert any(f"Claim {place + 1} " in sentence for sentence in bundle.verify(summed(changed)))


def test_a_made_up_quote_is_found_although_the_sums_were_made_anew() -> None:
    changed = copy.deepcopy(a_bundle())
    changed["checks"][0]["quote"] = "Nobody was hurt."
    assert "The quote for claim 1 is not in passage 1." in bundle.verify(summed(changed))


def test_where_reports_differ_and_what_was_not_found_is_in_the_data_and_on_the_page() -> None:
    made = a_bundle(question="Why did Marko Brandt resign?")
    assert made["caveats"] == ["No article found here says that Marko Brandt did resign.", HARDLY]
    assert [account["says"] for account in made["disagreements"][0]["accounts"]] == ["41", "about 53"]
    page = page_of(made)
    for words in (*made["caveats"], "Reports differ on the hurt", f'<td dir="auto">{HURT}</td>', "1,200 articles"):
        assert words in page
    assert verified(page) == ([], made)


def test_a_figure_or_a_quote_put_into_an_outlets_mouth_is_found_although_the_sums_were_made_anew() -> None:
    for name, value, wrong in (
        ("says", "14", "The quote of Outlet 1 does not have its figure, 14."),
        ("says", "41 according to Mayor Oll", "The quote of Outlet 1 does not name its source, Mayor Oll."),
        ("quote", "41 were unhurt.", "The quote of Outlet 1 on the hurt is not in its passage."),
    ):
        changed = copy.deepcopy(a_bundle())
        changed["disagreements"][0]["accounts"][0][name] = value
        assert bundle.verify(summed(changed)) == [wrong]


def test_a_figure_of_one_outlet_alone_is_told_and_one_that_is_not_is_found_although_the_sums_were_made_anew() -> None:
    made = a_bundle(f"{SHIPS} [2]", HURT, SHIPS)
    assert made["alone"] == [{"feed": "Outlet 2", "figure": "35", "quote": SHIPS, "outlets": 3}]
    page = page_of(made)
    assert "Only Outlet 2, of 3 outlets found on this, gives the figure 35" in page
    assert verified(page) == ([], made)
    for name, value, wrong in (
        ("figure", "36", "The figure 36 is not in the passage of Outlet 2 as it is quoted."),
        ("feed", "Outlet 1", "The figure 35 is not in the passage of Outlet 1 as it is quoted."),
    ):
        changed = copy.deepcopy(made)
        changed["alone"][0][name] = value
        assert wrong in bundle.verify(summed(changed))


@pytest.mark.parametrize("caveat", ["No article found here says that the ferry struck the quay.", HARDLY])
def test_a_caveat_that_was_put_in_is_found_although_the_sums_were_made_anew(caveat: str) -> None:
    changed = copy.deepcopy(a_bundle())
    changed["caveats"] = [caveat]
    changed["covered"] = True
    assert bundle.verify(summed(changed)) == [f"“{caveat}” does not hold: checked again, the passages do not lack it."]


def test_a_passage_that_tells_otherwise_no_longer_bears_the_answer_out() -> None:
    changed = copy.deepcopy(a_bundle())
    changed["passages"][0]["text"] = HURT.replace("Forty-one", "Fifty-three")
    wrong = bundle.verify(summed(changed))
    assert any(sentence.startswith("Claim 1 is told to be supported; checked again") for sentence in wrong)


def test_a_page_that_shows_something_else_than_its_data_is_found() -> None:
    page = page_of(a_bundle())
    at = page.index("41 people")
    wrong, _ = verified(page[:at] + "14 people" + page[at + 9 :])
    assert wrong == ["The page does not show what its data says: it was changed after it was written."]
    for cut in ("</dl>", "<li>", "default-src 'none'"):
        assert verified(page.replace(cut, "", 1))[0]


@pytest.mark.parametrize("nasty", [*NASTY, "</pre><script>alert(1)</script>", "<!--", "\ud800", '"', "&lt;b&gt;"])
def test_hostile_text_stays_text_in_the_page_and_holds(nasty: str) -> None:
    made = a_bundle(f"{nasty} {ANSWER}", f"{HURT} {nasty}", question=f"What? {nasty}", title=nasty)
    page = page_of(made)
    assert verified(page.encode("utf-8", "strict").decode()) == ([], made)
    assert page.count("<script") == page.count("<img") == page.count("<!--") == 0
    assert page.count("<pre") == page.count("</pre>") == 1
    assert "default-src 'none'" in page
    assert json.loads(evidence.data(page)) == made


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "null", '{"kind": "broadsheet-evidence", "version": 2}', "<html>", "[" * 100_000, "\x00",
     '{"kind": "broadsheet-evidence", "version": 99}', '{"kind": "broadsheet-evidence", "version": 2, "sha256": 3, '
     '"passages": [{"n": 1, "sha256": 2}], "cited": [], "checks": [], "answer": "x", "state": "done"}'],
)  # fmt: skip
def test_what_is_no_evidence_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(bundle.NotABundle, match=r"^This file .+\.$"):
        verified(text)


def test_the_command_says_what_holds_and_what_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = a_bundle()
    file = tmp_path / "evidence.html"
    file.write_text(page_of(made), "utf-8", newline="")
    assert main(["verify", str(file)]) == 0
    assert capsys.readouterr().out == "All of it holds: 2 passages, 4 claims.\n"
    made["passages"][1]["title"] += "!"
    file.write_text(bundle.as_json(made))
    assert main(["verify", str(file)]) == 1
    assert "Passage 2 was changed: its SHA-256 is another." in capsys.readouterr().out.splitlines()
    for bad in (tmp_path / "none.html", tmp_path):
        assert main(["verify", str(bad)]) == 1
    file.write_bytes(b"\xff\xfe\x00")
    assert main(["verify", str(file)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3
