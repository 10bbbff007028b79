"""The embedded corpus: a grammar of short stories in which the probability of every word is known.

One generator function, `story`, is the whole grammar. It yields a `Choice` (the words that may come next, their
probabilities, and what it takes to know them) and is sent the word that came. Driven by a random number it writes
stories; driven by a text it parses them, gives each word its exact probability, and labels it. Because the words of a
choice are distinct, a text has one derivation at most: the grammar's own score is the floor no model beats but by luck.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

END = "\n"  # the word that closes a story


class Kind(StrEnum):
    """What it takes to predict a word."""

    RECALL = "recall"  # a name, object or place from earlier in the story
    FACT = "fact"  # a fact of the world: a baker carries bread, a dog barks
    AGREEMENT = "agreement"  # number, gender, and the syntax of the sentence
    FREE = "free"  # the author's free choice: only its distribution can be known


@dataclass(frozen=True, slots=True)
class Choice:
    """The words that may come next, with their probabilities (which sum to one)."""

    kind: Kind
    words: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A word with what the grammar knows about it; `logprob` in nats."""

    word: str
    kind: Kind
    logprob: float


class Fault(ValueError):  # noqa: N818 - the parser's word: it counts faults
    """A word the grammar does not allow at its place."""


Telling = Generator[Choice, str, None]
Picking = Generator[Choice, str, str]

SHE = ("Anna", "Bella", "Clara", "Dora", "Emma", "Freya", "Greta", "Hanna", "Iris", "Julia", "Kira", "Lena")
HE = ("Adam", "Boris", "Carl", "David", "Emil", "Felix", "Gustav", "Hugo", "Ivan", "Jonas", "Karl", "Leo")
TRAITS = ("brave", "clever", "cheerful", "gentle", "lazy", "proud", "quiet", "young")
JOBS = {  # job: (what it carries, where it works)
    "baker": ("bread", "bakery"),
    "fisher": ("salmon", "harbour"),
    "farmer": ("corn", "field"),
    "miller": ("flour", "mill"),
    "potter": ("jars", "kiln"),
    "tailor": ("cloth", "shop"),
    "smith": ("nails", "forge"),
    "hunter": ("furs", "forest"),
    "gardener": ("roses", "garden"),
    "shepherd": ("wool", "meadow"),
    "carpenter": ("planks", "workshop"),
    "brewer": ("beer", "cellar"),
}
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "golden", "silver")
OBJECTS = ("key", "ring", "coin", "lamp", "book", "cup", "drum", "knife", "map", "mirror", "bell", "stone")
PLACES = ("river", "bridge", "castle", "tower", "well", "market", "chapel", "lake")
ANIMALS = {  # one, many, what they did
    "dog": ("dogs", "barked"),
    "cat": ("cats", "meowed"),
    "cow": ("cows", "mooed"),
    "duck": ("ducks", "quacked"),
    "wolf": ("wolves", "howled"),
    "lion": ("lions", "roared"),
    "frog": ("frogs", "croaked"),
    "horse": ("horses", "neighed"),
    "hen": ("hens", "clucked"),
    "mouse": ("mice", "squeaked"),
}
MOODS = ("hungry", "tired", "happy", "cold")


def _pick(kind: Kind, words: Sequence[str], weights: Sequence[float] | None = None) -> Picking:
    """Leave one word open; uniform unless weights (that sum to one) say otherwise."""
    return (yield Choice(kind, tuple(words), tuple(weights or [1.0 / len(words)] * len(words))))


def _say(text: str, kind: Kind = Kind.AGREEMENT) -> Telling:
    """Words that are certain here."""
    for word in text.split(" "):
        yield Choice(kind, (word,), (1.0,))


def _recall(*words: str) -> Telling:
    """Words that only somebody who remembers the story can know."""
    yield from _say(" ".join(words), Kind.RECALL)


class Cast(NamedTuple):
    """Who and what a story is about: everything that can be recalled later in it."""

    hero: str
    friend: str
    job: str
    trait: str
    goods: str
    colour: str
    thing: str
    place: str


def story(short: bool = False) -> Telling:
    """The grammar: one story, from the hero's name to the closing line break; a short one has neither plot nor
    animals, its night follows the meeting."""
    cast = yield from _meeting()
    if not short:
        plot = yield from _pick(Kind.FREE, ("So", "But", "Then"))
        yield from {"So": _trade, "But": _loss, "Then": _secret}[plot](cast)
        yield from _animals(cast)
    yield from _night(cast)
    yield from _say(END)


def _pronouns(name: str) -> tuple[str, str]:
    return ("she", "her") if name in SHE else ("he", "his")


def _meeting() -> Generator[Choice, str, Cast]:
    hero = yield from _pick(Kind.FREE, SHE + HE)
    she, her = _pronouns(hero)
    yield from _say("was a")
    trait = yield from _pick(Kind.FREE, TRAITS)
    job = yield from _pick(Kind.FREE, tuple(JOBS))
    goods, workplace = JOBS[job]
    yield from _say(".")
    opening = yield from _pick(Kind.FREE, ("Every", "At", "Once"), (0.5, 0.3, 0.2))
    yield from _say({"Every": "morning", "At": "dawn", "Once": "more"}[opening])
    yield from _say(f"{she} took {her}")
    yield from _say(goods, Kind.FACT)
    yield from _say("from the")
    yield from _say(workplace, Kind.FACT)
    yield from _say("to the")
    place = yield from _pick(Kind.FREE, PLACES)
    yield from _say(f". There {she} met")
    friend = yield from _pick(Kind.FREE, tuple(name for name in SHE + HE if name != hero))
    yield from _say(", who had a")
    colour = yield from _pick(Kind.FREE, COLOURS)
    thing = yield from _pick(Kind.FREE, OBJECTS)
    yield from _say(".")
    return Cast(hero, friend, job, trait, goods, colour, thing, place)


def _trade(cast: Cast) -> Telling:
    yield from _recall(cast.trait, cast.hero)
    yield from _say("gave")
    yield from _recall(cast.friend)
    yield from _say("the")
    yield from _recall(cast.goods)
    yield from _say("and got the")
    yield from _recall(cast.colour, cast.thing)
    yield from _say("for it .")


def _loss(cast: Cast) -> Telling:
    yield from _recall(cast.friend)
    yield from _say("lost the")
    yield from _recall(cast.thing)
    yield from _say("at the")
    yield from _recall(cast.place)
    yield from _say(", and")
    yield from _recall(cast.trait, cast.hero)
    yield from _say("found")
    yield from _recall(cast.friend)
    yield from _say("crying over the")
    yield from _recall(cast.colour, cast.thing)
    yield from _say(".")


def _secret(cast: Cast) -> Telling:
    yield from _recall(cast.trait, cast.hero)
    yield from _say("and")
    yield from _recall(cast.friend)
    yield from _say("hid the")
    yield from _recall(cast.colour, cast.thing)
    yield from _say("under the")
    yield from _recall(cast.goods)
    yield from _say(".")


def _animals(cast: Cast) -> Telling:
    number = yield from _pick(Kind.FREE, ("One", "Two", "Three"), (0.4, 0.3, 0.3))
    one = number == "One"
    names = {animal if one else many: sound for animal, (many, sound) in ANIMALS.items()}
    animal = yield from _pick(Kind.FREE, tuple(names))
    yield from _say("near the")
    yield from _recall(cast.place)
    yield from _say("was" if one else "were")
    yield from _pick(Kind.FREE, MOODS)
    yield from _say("and it" if one else "and they")
    yield from _say(names[animal], Kind.FACT)
    yield from _say("loudly .")


def _night(cast: Cast) -> Telling:
    when = yield from _pick(Kind.FREE, ("Later", "Tonight"), (0.6, 0.4))
    sleeper = cast.hero if when == "Later" else cast.friend
    yield from _recall(sleeper)
    yield from _say(f"went home and {_pronouns(sleeper)[0]}")
    if sleeper == cast.hero:
        did = yield from _pick(Kind.FREE, ("dreamed", "stayed"))
    else:
        did = "dreamed"
        yield from _say(did)
    if did == "dreamed":
        yield from _say("of the")
        yield from _recall(cast.colour, cast.thing)
    else:
        yield from _say("a")
        yield from _recall(cast.trait, cast.job)
    yield from _say(".")


def tell(seed: int, index: int, short: bool = False) -> list[Scored]:
    """Story number `index` of the corpus `seed`, each word with its kind and its probability; the last one is END.

    Each story has its own generator, so a corpus can be entered anywhere, and a short story is not the beginning of the
    one in full that has its number. Only `random.Random.random` is used, whose sequence Python keeps from version to
    version.
    """
    draw = random.Random(f"lottery/short/{seed}/{index}" if short else f"lottery/{seed}/{index}").random
    told: list[Scored] = []
    telling = story(short)
    choice = next(telling)
    while True:
        word = choice.words[0] if len(choice.words) == 1 else _weighted(choice, draw())
        told.append(_scored(choice, word))
        try:
            choice = telling.send(word)
        except StopIteration:
            return told


def write(seed: int, index: int, short: bool = False) -> list[str]:
    """The words of a story."""
    return [scored.word for scored in tell(seed, index, short)]


def _scored(choice: Choice, word: str) -> Scored:
    return Scored(word, choice.kind, math.log(choice.weights[choice.words.index(word)]))


def _weighted(choice: Choice, uniform: float) -> str:
    total = 0.0
    for word, weight in zip(choice.words, choice.weights, strict=True):
        total += weight
        if uniform < total:
            return word
    return choice.words[-1]


def score(words: Sequence[str], short: bool = False) -> list[Scored]:
    """What the grammar knows of each word of a story, or of a story's beginning.

    Raises:
        Fault: at the first word the grammar does not allow, naming it and what was expected.
    """
    scored: list[Scored] = []
    telling = story(short)
    choice: Choice | None = next(telling)
    for position, word in enumerate(words):
        if choice is None:
            raise Fault(f"word {position} ({word!r}) comes after the end of the story")
        if word not in choice.words:
            expected = ", ".join(map(repr, choice.words[:4])) + (", ..." if len(choice.words) > 4 else "")
            raise Fault(f"word {position} is {word!r}; the grammar expects {expected}")
        scored.append(_scored(choice, word))
        try:
            choice = telling.send(word)
        except StopIteration:
            choice = None
    return scored


_WORD = re.compile(r"\n|[.,]|[^\s.,]+")


def split(text: str) -> list[str]:
    """The words of a text: line breaks, full stops and commas are words of their own."""
    return _WORD.findall(text)


def join(words: Sequence[str]) -> str:
    """The text of words, spaced as in print; `split` gives the words back."""
    return re.sub(r" ([.,\n])", r"\1", " ".join(words)).replace("\n ", "\n")


def vocabulary() -> list[str]:
    """Every word of the grammar, sorted. Five thousand stories hold them all many times over."""
    return sorted({word for index in range(5000) for word in write(0, index)})
