"""Readers: nobody comes to what belongs to another, by whatever id or verb; one of them can be forgotten."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from desk.conversations import Conversations, NotYours, Turn
from desk.readers import Known, Reader, Readers, reader_id
from desk.reading import Reading
from desk.usage import Spent, Usages
from news.store import Store
from news.types import Mute
from storage import tables as t
from storage.engine import reading, writing

ANNA, BERT = reader_id("member", "https://id.example", "anna"), reader_id("member", "https://id.example", "bert")


@pytest.fixture
def annas(engine: Engine, now: datetime) -> tuple[Conversations, str, Turn]:
    """Anna's conversations, the id of one, and its turn."""
    desk = Conversations(engine, ANNA)
    chat = desk.new_id()
    turn = desk.add_turn(chat, "Does it rain in Oslo?", now=now)
    desk.save_turn(turn.id, answer="It does [1].", state="done", now=now)
    kept = desk.turn(turn.id)
    assert kept is not None
    return desk, chat, kept


# Each verb with what somebody who has both ids would try.
VERBS: dict[str, Callable[[Conversations, str, Turn, datetime], object]] = {
    "get": lambda desk, chat, turn, now: desk.get(chat),
    "turns": lambda desk, chat, turn, now: desk.turns(chat),
    "turn": lambda desk, chat, turn, now: desk.turn(turn.id),
    "recent": lambda desk, chat, turn, now: desk.recent(),
    "search": lambda desk, chat, turn, now: desk.recent(search="Oslo"),
    "count": lambda desk, chat, turn, now: desk.count(),
    "save_turn": lambda desk, chat, turn, now: desk.save_turn(turn.id, answer="Ha.", state="done", now=now),
    "switch": lambda desk, chat, turn, now: desk.switch(chat, turn.id),
    "remove_turn": lambda desk, chat, turn, now: desk.remove_turn(turn.id),
    "rate": lambda desk, chat, turn, now: desk.rate(turn.id, -1, "Ha."),
    "fold": lambda desk, chat, turn, now: desk.fold(turn.id, "Ha."),
    "rename": lambda desk, chat, turn, now: desk.rename(chat, "Ha."),
    "share": lambda desk, chat, turn, now: desk.share(chat),
    "unshare": lambda desk, chat, turn, now: desk.unshare(chat),
    "remove": lambda desk, chat, turn, now: desk.remove(chat, now=now),
    "restore": lambda desk, chat, turn, now: desk.restore(chat),
    "is_free": lambda desk, chat, turn, now: desk.is_free(chat),
}


def test_every_verb_is_tried() -> None:
    named = {name for name in vars(Conversations) if not name.startswith("_")}
    # Of all readers or of none; those that keep something new are tried below.
    others = {"new_id", "of", "shared", "purge", "delete_everything", "add_turn", "choose"}
    assert named == (set(VERBS) - {"search"}) | others


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("stranger", [BERT, ""])
def test_whoever_has_all_ids_of_another_reader_s_chat_can_neither_read_nor_change_it(
    engine: Engine, annas: tuple[Conversations, str, Turn], verb: str, stranger: str, now: datetime
) -> None:
    desk, chat, turn = annas
    shared = desk.share(chat)
    before = desk.get(chat), desk.turns(chat)
    told = VERBS[verb](Conversations(engine, stranger), chat, turn, now + timedelta(hours=1))
    assert not told
    assert (desk.get(chat), desk.turns(chat)) == before
    assert desk.shared(shared) is not None


@pytest.mark.parametrize("stranger", [BERT, ""])
def test_nothing_new_comes_into_another_reader_s_chat(
    engine: Engine, annas: tuple[Conversations, str, Turn], stranger: str, now: datetime
) -> None:
    desk, chat, _ = annas
    other = Conversations(engine, stranger)
    with pytest.raises(NotYours, match="belongs to somebody else"):
        other.add_turn(chat, "And in Bergen?", now=now)
    with pytest.raises(NotYours):
        other.choose(chat, pinned=["1"], dropped=[], now=now)
    assert len(desk.turns(chat)) == 1
    assert desk.get(chat) is not None
    assert other.count() == 0


def test_a_removed_chat_is_brought_back_by_its_reader_alone(
    engine: Engine, annas: tuple[Conversations, str, Turn], now: datetime
) -> None:
    desk, chat, _ = annas
    desk.remove(chat, now=now)
    other = Conversations(engine, BERT)
    other.restore(chat)
    with pytest.raises(NotYours):
        other.add_turn(chat, "Is it back?", now=now)
    assert desk.get(chat) is None
    desk.restore(chat)
    assert desk.get(chat) is not None


def test_ids_are_of_128_bits_and_guessing_finds_nothing(annas: tuple[Conversations, str, Turn]) -> None:
    desk, chat, turn = annas
    other = desk.of(BERT)
    ids = {desk.new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(bytes.fromhex(id_)) == 16 for id_ in (*ids, chat, turn.id, desk.share(chat)))
    for guess in [chat[:-1], chat.upper(), f"{chat} ", f"{chat}' OR '1'='1", "%", "_" * 32, secrets.token_hex(16)]:
        assert other.get(guess) is None
        assert other.shared(guess) is None
        assert other.turns(guess) == []


def test_a_shared_link_shows_the_chat_to_all_and_says_no_id_of_it(annas: tuple[Conversations, str, Turn]) -> None:
    desk, chat, turn = annas
    shared = desk.of(BERT).shared(desk.share(chat))
    assert shared is not None
    assert [one.answer for one in shared.turns] == ["It does [1]."]
    assert chat not in repr(shared)
    assert turn.id not in repr(shared)


def test_a_reader_s_id_tells_nothing_and_is_nobody_else_s() -> None:
    assert reader_id("member", "https://id.example", "anna") == ANNA
    assert len({ANNA, BERT, reader_id("member", "https://other.example", "anna"), reader_id("visitor", "anna")}) == 4
    assert reader_id("member", "a", "bc") != reader_id("member", "ab", "c")
    assert len(ANNA) == 32


def test_what_is_spent_is_counted_for_its_reader(engine: Engine, now: datetime) -> None:
    spent = Usages(engine, ANNA)
    spent.record(Spent(now, "answer", "m", conversation_id="c", prompt=100, completion=10))
    assert [day.prompt for day in spent.by_day(now)] == [100]
    assert spent.of(BERT).by_day(now) == []
    assert spent.of(BERT).of_conversation("c").prompt == 0
    assert spent.of_conversation("c").prompt == 100


def test_the_owner_sees_who_signed_in_what_they_follow_and_ask(engine: Engine, store: Store, now: datetime) -> None:
    readers = Readers(engine)
    anna = Reader(ANNA, "Anna \ud800", owner=False, own_feeds=True)
    readers.seen(anna, now=now)
    readers.seen(Reader(BERT, "Bert", owner=False), now=now + timedelta(hours=1))
    readers.seen(anna, now=now + timedelta(hours=2))
    store.of(ANNA, own_feeds=True).add_feed("https://a.example/feed", now=now)
    desk = Conversations(engine, ANNA)
    desk.add_turn(desk.new_id(), "Yesterday?", now=now - timedelta(days=1))
    desk.add_turn(desk.new_id(), "Today?", now=now)
    desk.of(reader_id("visitor", "x")).add_turn(desk.new_id(), "Who am I?", now=now)
    assert readers.known(now - timedelta(hours=12)) == [
        Known(ANNA, "Anna ?", now, now + timedelta(hours=2), 1, 1),
        Known(BERT, "Bert", now + timedelta(hours=1), now + timedelta(hours=1), 0, 0),
    ]
    assert [one.name for one in readers.known(now, limit=1, offset=1)] == ["Bert"]
    assert readers.count() == 2
    assert readers.questions(now - timedelta(hours=12)) == (2, 2)


def test_a_forgotten_reader_leaves_nothing_and_others_keep_all(engine: Engine, store: Store, now: datetime) -> None:
    readers = Readers(engine)
    for id_ in (ANNA, BERT):
        readers.seen(Reader(id_, "x", owner=False), now=now)
        seen = store.of(id_, own_feeds=True)
        seen.add_feed("https://both.example/feed", now=now)
        seen.add_feed(f"https://{id_}.example/feed", now=now)
        seen.mute(Mute("word", "golf"))
        desk = Conversations(engine, id_)
        chat = desk.new_id()
        desk.add_turn(chat, "What?", now=now)
        Usages(engine, id_).record(Spent(now, "answer", "m", conversation_id=chat))
        with writing(engine) as connection:
            connection.execute(insert(t.charges).values(id=id_, at=now, reader=id_))
    rows = {}
    with reading(engine) as connection:
        for table in t.metadata.sorted_tables:
            if "reader" in table.c:
                rows[table] = len(connection.execute(select(table).where(table.c.reader == BERT)).all())
    readers.forget(ANNA, now=now)
    with reading(engine) as connection:
        for table, before in rows.items():
            left = connection.execute(select(table).where(table.c.reader == ANNA)).all()
            assert len(left) == (table is t.charges)  # for a day: a budget is not had again by being forgotten
            assert len(connection.execute(select(table).where(table.c.reader == BERT)).all()) == before
        assert [row.question for row in connection.execute(select(t.turns))] == ["What?"]
    assert [known.id for known in readers.known(now)] == [BERT]
    assert {feed.url for feed in store.feeds()} == {"https://both.example/feed", f"https://{BERT}.example/feed"}


def test_deleting_everything_leaves_nothing_of_any_reader(engine: Engine, store: Store, now: datetime) -> None:
    readers = Readers(engine)
    readers.seen(Reader(ANNA, "Anna", owner=False), now=now)
    for id_ in (ANNA, ""):
        seen = store.of(id_, own_feeds=bool(id_))
        seen.add_feed("https://a.example/feed", now=now)
        seen.mute(Mute("word", "golf"))
        Reading(engine, id_).mark("seen", 1, now=now)
        Reading(engine, id_).looked(now=now)
        desk = Conversations(engine, id_)
        desk.add_turn(desk.new_id(), "What?", now=now)
    readers.forget_all()
    with reading(engine) as connection:
        for table in (t.readers, t.turns, *(table for table in t.metadata.sorted_tables if "reader" in table.c)):
            assert connection.execute(select(table)).all() == [], table.name


def test_the_owner_of_a_personal_instance_cannot_be_forgotten_by_mistake(engine: Engine, now: datetime) -> None:
    desk = Conversations(engine)
    desk.add_turn(desk.new_id(), "Mine?", now=now)
    with pytest.raises(ValueError, match="not one of its readers"):
        Readers(engine).forget("", now=now)
    assert desk.count() == 1


def test_what_visitors_left_goes_after_a_while_and_what_members_or_the_owner_have_stays(
    engine: Engine, now: datetime
) -> None:
    readers = Readers(engine)
    readers.seen(Reader(ANNA, "Anna", owner=False), now=now)
    for id_ in (ANNA, "", reader_id("visitor", "x")):
        desk = Conversations(engine, id_)
        desk.add_turn(desk.new_id(), "What?", now=now)
    late = Conversations(engine, reader_id("visitor", "y"))
    late.add_turn(late.new_id(), "What?", now=now + timedelta(days=2))
    assert readers.purge(now + timedelta(days=1)) == 1
    assert [Conversations(engine, id_).count() for id_ in (ANNA, "", late.reader)] == [1, 1, 1]
