"""Text to terms and sentences, in every script."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from news.terms import forms, indexed, language_of, sentences, terms, words

# ---------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("missile", "Missiles"),
        ("São Paulo", "sao paulo"),
        ("Zürich", "ZURICH"),
        ("Zu\u0308rich", "Zürich"),
        ("Trump's", "Trump"),
        ("Trump’s", "Trump"),
        ("Straße", "STRASSE"),
        ("l'économie", "economie"),
        ("ﬁnance", "finance"),
        ("Ｔｏｋｙｏ", "Tokyo"),
        ("ﾆｭｰｽ", "ニュース"),
        ("1,200", "1200"),
        ("1.200", "1200"),
        ("1\u202f200\u00a0000", "1200000"),
        ("1.5", "1,5"),
        ("21st", "21"),
        ("U.S.", "USA"),
        ("U.S. troops", "US troops"),
        ("U.N.", "UN"),
        ("don't", "dont"),
        ("Κόσμος", "κοσμος"),
        ("Жизнь", "жизнь"),
        ("İstanbul", "istanbul"),
        ("Malmö", "malmo"),
        ("$5bn", "dollars 5 billion"),
        ("US$5 bn", "$5 billion"),
        ("€1.5m", "euros 1,5 million"),
        ("10%", "10 per cent"),
        ("10 percent", "10 %"),
        ("by-election", "byelection"),
        ("Cease-fire", "ceasefire"),
        ("выборов", "выборы"),
        ("Ελλάδας", "ελλάδα"),
    ],
)
def test_two_spellings_of_one_word_give_the_same_terms(one: str, other: str) -> None:
    assert terms(one)
    assert terms(one) == terms(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.5", "15"), ("US", "us"), ("WHO says", "who says"), ("12", "1"), ("東京", "京東"), ("0.500", "500")],
)
def test_two_different_things_give_different_terms(one: str, other: str) -> None:
    assert terms(one) != terms(other)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die Minister treten nach der Wahl zurück", "de"),
        ("Les élections législatives en France et le président", "fr"),
        ("El presidente dijo que no va a las elecciones", "es"),
        ("O presidente disse que não vai para as eleições", "pt"),
        ("Il presidente ha detto che non va alle elezioni della città", "it"),
        ("De minister zegt dat het niet om geld gaat", "nl"),
        ("Ministern sade att det inte är så", "sv"),
        ("The war is in its third year", "en"),
        ("Volcano", "en"),
        ("", "en"),
        ("東京の火山", "en"),
    ],
)
def test_a_text_shows_its_language_by_its_small_words(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Wahlen", "Die Wahl in Berlin und was sie für das Land heißt"),
        ("élections législatives", "L'élection législative est pour le mois de juin dans les villes"),
        ("elecciones", "La elección de un presidente en las provincias"),
        ("presidentes", "O presidente não foi para a cidade com os outros"),
        ("ministri", "Il ministro della difesa non ha parlato con gli alleati"),
        ("American", "US troops leave"),
        ("France", "French farmers block roads"),
        ("quake", "Earthquake in Chile"),
    ],
)
def test_a_question_without_small_words_finds_its_forms_in_every_language(question: str, title: str) -> None:
    held = set(indexed(title, "")[0].split())
    assert all(held & set(group) for group in forms(question, ["en", "de", "fr", "es", "pt", "it"]))


def test_a_small_word_of_one_language_is_a_word_of_another() -> None:
    assert "war" in terms("The war in Iran")
    assert "war" not in terms("Das war nicht gut für die Stadt")


@pytest.mark.parametrize("acronym", ["US", "UN", "WHO", "EU", "AI", "IT", "UK", "US EU"])
def test_a_question_that_is_an_acronym_alone_has_a_term(acronym: str) -> None:
    assert terms(acronym)


def test_a_headline_in_capitals_has_no_acronyms_of_its_small_words() -> None:
    assert terms("IT IS TIME FOR US TO VOTE") == terms("it is time for us to vote")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("東京都知事選の結果", "東京"),
        ("2026年東京都知事選", "東京"),
        ("3人が死亡", "死亡"),
        ("北京举行会议", "会议"),
        ("COVID感染者が増加", "感染"),
        ("ประเทศไทยเลือกตั้ง", "ไทย"),
    ],
)
def test_a_word_of_two_characters_is_found_inside_a_script_without_spaces(text: str, found: str) -> None:
    assert set(terms(found)) <= set(terms(text))


def test_latin_words_inside_a_script_without_spaces_stay_words() -> None:
    assert {"tokyo", "iphon", "15"} <= set(terms("TokyoがiPhone 15を発表"))


@pytest.mark.parametrize("text", ["", " ", "the of and", "?!…", "🎉🎉", "'", "_", "-", "\u0000", "\ud800", "<>&"])
def test_text_without_content_has_no_terms(text: str) -> None:
    assert terms(text) == []
    assert words(text) == []


def test_words_are_folded_but_not_stemmed_and_keep_their_order() -> None:
    assert words("The Ministers met in Málaga, ministers said") == ["ministers", "met", "malaga", "ministers"]


def test_a_word_without_end_is_cut() -> None:
    assert max(map(len, terms("a" * 10_000 + " " + "1" * 10_000 + " " + "й" * 10_000 + " " + "A." * 10_000))) <= 40


def splits(char: str) -> bool:
    """Whether an index could split at `char`: it is no letter, mark or number, but not because it is too new either."""
    category = unicodedata.category(char)
    return category[0] not in "LMN" and category != "Cn"


TEXT = st.text(max_size=200)
MIXED = st.lists(
    st.sampled_from(
        ["U.S.", "1,200.5", "3人", "東京", "l'été", "O'Neill's", "can't", "ﬁ", "İ", "ß", "ŉ", "½", "①", "²",
         "x\u0301", "\u0301", "کتاب", "हिन्दी", "한국어", "ไทย", "\u200d", "🇺🇸", "\n", ".", "'", "’", "-", "%", "A.B"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(TEXT | MIXED)
@example("\ud800")
def test_only_letters_digits_and_marks_come_out(text: str) -> None:
    for term in terms(text) + words(text):
        assert term
        assert not any(splits(char) for char in term), [text, term]


def test_no_character_at_all_makes_a_term_that_an_index_could_split() -> None:
    odd = [
        char
        for char in map(chr, (*range(0x3200), *range(0xA000, 0xAC00), *range(0xD800, 0x11000)))
        if any(splits(c) for term in terms(f"ab{char}cd 東{char}京 {char}") for c in term)
    ]
    assert [f"{ord(char):x}" for char in odd] == []


@given(TEXT | MIXED)
def test_nothing_ascii_but_letters_and_digits_comes_out(text: str) -> None:
    assert all(char.isalnum() for term in terms(text) for char in term if char.isascii())


@given(TEXT)
def test_composed_and_decomposed_text_gives_the_same_terms(text: str) -> None:
    assert terms(unicodedata.normalize("NFC", text)) == terms(unicodedata.normalize("NFD", text))


LATIN = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzàâçéèêëîïôûùüñöäåøæœ0123456789 -"), max_size=80)


@given(LATIN.map(lambda text: f"words of a headline {text}"))
def test_case_never_matters_but_for_acronyms(text: str) -> None:
    assert terms(text.upper()) == terms(text) == terms(text.title())


@given(LATIN)
def test_accents_never_matter(text: str) -> None:
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    assert terms(bare) == terms(text)


@given(LATIN.map(lambda text: "".join(char for char in text if not char.isdigit())))
def test_words_of_words_are_the_same_words(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("  \n ", []),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Prices rose 3.5 percent. They fell.", ["Prices rose 3.5 percent.", "They fell."]),
        ("Mr. Smith met Dr. Jones. They spoke.", ["Mr. Smith met Dr. Jones.", "They spoke."]),
        ("J. K. Rowling wrote it. He read it.", ["J. K. Rowling wrote it.", "He read it."]),
        ("The U.S. Senate voted. It passed.", ["The U.S. Senate voted.", "It passed."]),
        ("It was late, e.g. at night. Then", ["It was late, e.g. at night.", "Then"]),
        ('"Stop!" he said. "Go."', ['"Stop!" he said.', '"Go."']),
        ("He said “yes.” She left.", ["He said “yes.”", "She left."]),
        ("地震がありました。被害はありません。", ["地震がありました。", "被害はありません。"]),
        ("「はい。」と言った。", ["「はい。」", "と言った。"]),
        ("क्या हुआ। कुछ नहीं।", ["क्या हुआ।", "कुछ नहीं।"]),
        ("ماذا حدث؟ لا شيء.", ["ماذا حدث؟", "لا شيء."]),
        ("A title\n\nA text. More", ["A title", "A text.", "More"]),
        ("Wait… What?", ["Wait…", "What?"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
    ],
)
def test_sentences_are_cut_where_a_reader_would(text: str, cut: list[str]) -> None:
    assert sentences(text) == cut


SENTENCES = st.lists(
    st.sampled_from([". ", "! ", "?", "。", "\n", "\n\n", " ", "...", "…", "”", ")", "Dr.", "A", "a", "3.5", "東京"]),
    max_size=40,
).map("".join)


@given(TEXT | SENTENCES)
def test_sentences_keep_every_character_but_white_space(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(TEXT | SENTENCES)
def test_sentences_are_neither_empty_nor_padded(text: str) -> None:
    assert all(sentence and sentence == sentence.strip() for sentence in sentences(text))


# ---------------------------------------------------------------- hostile text


@pytest.mark.parametrize(
    "piece",
    [".", "!", "...'", "a.", "A.", "a'", "1,", "1,111,", "1.", "'", "\u0301", "a\u0301", "东", "1a", "\n", ". ", "Mr. ",
     "U.S.", "\"", "。", "。」", "l'", "\u00a0", "1\u202f", "\ud800", "ﷺ"],
)  # fmt: skip
def test_time_grows_with_the_length_of_hostile_text_and_not_with_its_square(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        started = time.process_time()
        terms(text), sentences(text)
        return time.process_time() - started

    small = max(min(seconds(4_000) for _ in range(2)), 0.002)
    assert seconds(40_000) < 40 * small  # ten times the text; its square would be a hundred times
