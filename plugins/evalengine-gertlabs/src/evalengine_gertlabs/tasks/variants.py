"""What all kinds of tasks have in common: rules in sentences, a problem made with a difficulty, a score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

COMPRESSION, PREDICTION, IDENTIFICATION = KINDS = ("compression", "prediction", "identification")
Sentence = tuple[str, ...]
"""One sentence in several equivalent forms, the usual one first."""
FORMAT: tuple[Sentence, ...] = (
    (
        'Answer with JSON only, an object with the key "answer".',
        'Your reply is one JSON object; its key "answer" holds what you found.',
        'Reply with nothing but a JSON object that has a key "answer".',
    ),
)


class Problem(NamedTuple):
    """A problem.

    Attributes:
        text: as it is told; state: what scoring needs, of JSON's types.
    """

    text: str
    state: Mapping[str, Any]


class Scored(NamedTuple):
    """What an answer is worth.

    Attributes:
        points: from 0 to 1; solved: nothing better is asked for; error: why it is worth nothing, "" where it is.
    """

    points: float
    solved: bool
    error: str = ""


class Variant(ABC):
    """One way to make problems."""

    name: ClassVar[str]
    kind: ClassVar[str]
    weight: ClassVar[float] = 1.0
    rules: ClassVar[Sequence[Sequence[Sentence]]]
    """Sections of sentences; the same whatever the problem."""

    @abstractmethod
    def make(self, rng: random.Random, difficulty: float) -> Problem:
        """Return a problem that is the harder the nearer the difficulty is to 1."""

    @abstractmethod
    def score(self, state: Mapping[str, Any], answer: Any) -> Scored:
        """Return what an answer is worth; it may be any value of JSON."""

    def told(self, problem: Problem, rng: random.Random | None) -> str:
        """Return rules and problem as one text.

        Args:
            rng: draws the order of sections and the form of each sentence; None: the usual ones.
        """
        sections = [*self.rules, FORMAT]
        if rng is not None:
            rng.shuffle(sections)
        texts = [" ".join(forms[0] if rng is None else rng.choice(forms) for forms in section) for section in sections]
        return "\n\n".join([*texts, problem.text])


def wrong(told: str) -> Scored:
    """Return the score of what is no answer."""
    return Scored(0.0, solved=False, error=told)


def shorter(length: int, plain: int, known: int) -> Scored:
    """Return the score of a right description, which is the better the shorter it is than the plain one."""
    points = (plain - length) / (plain - known)
    return Scored(round(min(1.0, max(0.0, points)), 6), solved=length <= known)


def spread(low: int, high: int, difficulty: float) -> int:
    """Return the whole number between two that belongs to a difficulty."""
    return low + round((high - low) * difficulty)
