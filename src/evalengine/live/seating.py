"""What is fixed of a live match before it begins: game, agents by seat, seeds; and of one that continues another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evalengine import persons, planning, runs, seeding, wire
from evalengine.branches import lucks
from evalengine.continuing import luck_of
from evalengine.entry import planned
from evalengine.errors import LiveError, NothingToPlayError, Why
from evalengine.live import rows
from evalengine.model import Branch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalengine.continuing import Luck
    from evalengine.entry import Entry
    from evalengine.live.rows import Done
    from evalengine.live.values import Wish
    from evalengine.model import MatchSpec
    from evalengine.plugins import Plugins
    from evalengine.store import Store

_STAND_IN = "stand-in"  # the name of the agent that goes on for who leaves


class Seated(NamedTuple):
    """A match that can be begun.

    Attributes:
        remote: which seats are; stand_in: the number of the agent that goes on for who leaves.
    """

    entry: Entry
    spec: MatchSpec
    remote: tuple[int, ...]
    stand_in: int

    @property
    def contained(self) -> bool:
        """Whether agents from outside play in it, or may go on for who leaves."""
        return any(self.entry.agents[number].kind != "trusted" for number in {*self.spec.agents, self.stand_in})


def seated(wish: Wish, store: Store, plugs: Plugins) -> Seated:
    """Return the match that somebody wants, its agents copied; nothing of it is stored.

    Raises:
        UsageError: it cannot be played so.
    """
    game = _game(wish, plugs)
    remote = tuple(seat for seat, ref in enumerate(wish.seats) if ref is None)
    if not min(1, len(remote)) <= wish.take <= len(remote):
        raise LiveError(Why.VALUE, f"{wish.take} seats cannot be taken: {len(remote)} of the match are remote")
    people = [persons.person(number) for number in range(len(remote))]
    refs, names = _named(wish, plugs)
    settings = planning.Settings(
        games=wish.game,
        kind="live",
        agents=(*refs, f"{_STAND_IN}={planning.split_name(wish.stand_in)[1]}"),
        callables=tuple(people),
        opponents="none",
        matches=1,
        seed=seeding.fresh_seed() if wish.seed is None else wish.seed,
        opening="none",
        limits=wish.limits,
        sandbox=wish.sandbox,
        broken="refuse",
    )
    entry, _ = runs.prepared(settings, store, plugs)
    number = {agent.name: place for place, agent in enumerate(entry.agents)}
    sitting, waiting = iter(names), iter(people)
    agents = [number[next(waiting).name if ref is None else next(sitting)] for ref in wish.seats]
    for place in {*agents, number[_STAND_IN]}:
        if not planning.fits(entry.agents[place], game):
            raise LiveError(Why.VALUE, f"agent {entry.agents[place].name!r} does not play {game.ref}: name another")
    first = next(iter(planned(entry, plugs, 0) or ()), None)
    if first is None:
        msg = "a plugin left the match out of the plan: nothing to play"
        raise NothingToPlayError(msg)
    spec = first._replace(
        match_no=0, rotation=0, agents=tuple(agents), opening=0, max_turns=wish.max_turns, branch=None
    )
    return Seated(entry, spec, remote, number[_STAND_IN])


def _game(wish: Wish, plugs: Plugins) -> planning.ChosenGame:
    games = planning.choose_games(wish.game, plugs)
    if len(games) > 1:
        raise LiveError(Why.VALUE, f"{wish.game!r} are {len(games)} games: name one")
    if len(wish.seats) != games[0].seats:
        raise LiveError(Why.VALUE, f"{games[0].ref} has {games[0].seats} seats, and {len(wish.seats)} are named")
    return games[0]


def _named(wish: Wish, plugs: Plugins) -> tuple[list[str], list[str]]:
    """Return the references of the agents in seats, with names that differ, and those names."""
    bundled = plugs.agents()
    refs: list[str] = []
    names: list[str] = []
    for ref in wish.seats:
        if ref is None:
            continue
        name = planning.find_agent(ref, plugs, bundled).name
        again = sum(known == name or known.startswith(f"{name}-") for known in names)
        names.append(f"{name}-{again + 1}" if again else name)
        refs.append(f"{names[-1]}={planning.split_name(ref)[1]}" if again else ref)
    return refs, names


def branched(  # noqa: PLR0917 - what a branch is
    seated: Seated, parent: int, done: Sequence[Done], turn: int, sample: int, luck: Luck | None
) -> Seated:
    """Return a match that continues another, of run `parent`, from a turn on.

    Raises:
        UsageError: the game cannot be continued, or not with such a luck.
    """
    spec = seated.spec
    fresh = luck_of([seated.entry.games[spec.game_no]], luck) == "fresh"
    path = parent, turn, sample
    branch = Branch(
        f"{parent}/{spec.match_no}",
        turn,
        seeding.derive(spec.seed, "live luck", *path) if fresh else None,
        lucks(spec.branch),
        seeding.derive(spec.seed, "live agents", *path),
        sample,
        turns=wire.pack_turns(rows.log_of(done, turn)),
    )
    return seated._replace(spec=spec._replace(branch=branch))


def reread(row: rows.Row, done: Sequence[Done], entry: Entry) -> Seated:
    """Return a stored live match."""
    spec, branch = row.spec, row.spec.branch
    if branch is not None:
        turns = wire.pack_turns(rows.log_of(done, branch.turn))
        spec = spec._replace(branch=branch._replace(turns=turns))
    return Seated(entry, spec, row.remote, row.stand_in)
