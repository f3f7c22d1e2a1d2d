"""What a rule of the kit finds: a breach names the seed, the call, what happened and what to do."""

from __future__ import annotations


class Breach(Exception):  # noqa: N818 - what is found, not an error of ours
    """A game does not hold a rule.

    Attributes:
        told: what happened; remedy: what to do; seed, call: what shows it, where there is one.
    """

    def __init__(self, told: str, remedy: str, *, call: str = "", seed: int | None = None) -> None:
        super().__init__(told)
        self.told = told
        self.remedy = remedy
        self.call = call
        self.seed = seed

    def __str__(self) -> str:
        where = [f"seed {self.seed}"] if self.seed is not None else []
        where += [self.call] if self.call else []
        return f"{', '.join(where)}{': ' if where else ''}{self.told}. {self.remedy}"


class Broken(Breach):
    """A method of the game raised; rules that need it have nothing to say."""
