"""Runs that continue stored matches: the plan of a branch, and of an exploration; and what a person asked of them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from evalengine import planning, seeding, wire
from evalengine.branches import first_asked, lucks
from evalengine.contracts import Contest, Pairing, Plan, contains
from evalengine.errors import GameError, StoreError
from evalengine.match import Match
from evalengine.model import Branch, Fault, MatchSpec, Termination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from evalengine.contracts import Game, Request
    from evalengine.model import Action, AgentSpec, Standings
    from evalengine.planning import ChosenGame, Settings
    from evalengine.store import Store

_RUN_SHIFT = 40
_CHUNK = 100  # parents read at once
_VOID = Termination.VOID.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Continues:
    """Which stored matches a run continues, and how; kept with the run, so that it can be resumed.

    Attributes:
        run: the parents'; games, agents: by this run's numbers, the parents' run's; None: it did not play there;
        seats: (seat, agent of this run) of who sits where another sat;
        luck: "fresh" from the turn on, or the "same" as the parent's; samples: continuations of each position;
        match, turn: of a branch; every: of an exploration, which decisions of a match, the first and each so many;
        actions: candidates at most, None: all; agent: whose decisions, as its parents' run counts; None: everybody's;
        select: over parents' ids, as -k; parents: matches at most; sizes: matches by game of this run, once counted.
    """

    kind: Literal["branch", "explore"]
    run: int
    games: tuple[int, ...]
    agents: tuple[int | None, ...]
    seats: tuple[tuple[int, int], ...] = ()
    luck: Literal["fresh", "same"] = "fresh"
    samples: int = 1
    match: int | None = None
    turn: int | None = None
    every: int = 1
    actions: int | None = None
    agent: int | None = None
    select: str = ""
    parents: int | None = None
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings of such a run hold."""
        told = dict(settings.continues or {})
        for name in ("games", "agents", "sizes"):
            told[name] = tuple(told[name])
        return cls(**{**told, "seats": tuple((seat, agent) for seat, agent in told["seats"])})

    def told(self) -> str:
        """Return it as a line for people."""
        luck = "fresh luck" if self.luck == "fresh" else "the same luck"
        if self.kind == "branch":
            return f"continues {self.run}/{self.match} from turn {self.turn}, {luck}, {self.samples} times"
        most = "each action" if self.actions is None else f"at most {self.actions} actions"
        every = "every decision" if self.every == 1 else f"every {self.every}. decision"
        return f"explores run {self.run}: {every}, {most}, {self.samples} times each, {luck}"

    def row(self) -> dict[str, Any]:
        """Return it as `of` reads it."""
        return asdict(self)


class Parent(NamedTuple):
    """A stored match that may be continued."""

    spec: MatchSpec  # as it was planned, with its run's numbers
    turns: list[dict[int | None, Any]]

    def match(self, game: Game) -> Match:
        """Return it before its first turn."""
        return Match(self.spec._replace(opening=0), game)


class Decision(NamedTuple):
    """What a seat could have done in a turn of a parent."""

    match: Match  # where it stands before that turn; used before the next decision is asked for
    seat: int
    candidates: Sequence[Action]
    turn: Mapping[int | None, Any]  # what was done

    @property
    def done(self) -> Any:
        """What the seat did: an action, or a Fault."""
        return self.turn[None] if None in self.turn else self.turn[self.seat]


def parents(store: Store, run: int, first_no: int = 0) -> Iterator[Parent]:
    """Yield the stored matches of a run in their order, from a number on, voids left out."""
    sql = """select id, game_no, rotation, seed, seats, opening, max_turns, branch, actions from match
        where id > ? and id < ? and termination <> ? order by id limit ?"""
    last, high = (run << _RUN_SHIFT) + first_no - 1, (run + 1) << _RUN_SHIFT
    # In chunks: what is open while results are written would see a moment long gone.
    while rows := list(store.iterate(sql, last, high, _VOID, _CHUNK)):
        for number, game_no, rotation, seed, seats, opening, max_turns, branch, actions in rows:
            agents = tuple(agent for agent, _, _ in json.loads(seats))
            own = Branch(*json.loads(branch)) if branch else None
            match_no = number & ((1 << _RUN_SHIFT) - 1)
            spec = MatchSpec(match_no, game_no, rotation, seed, agents, opening, max_turns, own)
            yield Parent(spec, wire.unpack_turns(actions))
        last = rows[-1][0]


class Continued(Pairing):
    """One round: the continuations of each position, those of one position one after another.

    Args:
        names: of the parents' run, by its number.
    """

    def __init__(
        self, plan: Plan, store: Store, games: Sequence[ChosenGame], wish: Continues, names: Sequence[str]
    ) -> None:
        super().__init__(plan)
        self._store = store
        self._games = games
        self._wish = wish
        self._names = names
        self._game_no = {before: own for own, before in enumerate(wish.games)}
        self._agent_no = {before: own for own, before in enumerate(wish.agents) if before is not None}

    def rounds(self) -> int:
        """Return one."""
        return 1

    def sizes(self) -> Mapping[int, int]:
        """Return how many matches each game has."""
        counted = enumerate(self._wish.sizes) if self._wish.sizes else self.count().items()
        return {game_no: size for game_no, size in counted if size}

    def count(self) -> Counter[int]:
        """Count the matches of each game, which takes as long as to replay all parents."""
        found: Counter[int] = Counter()
        for parent, decision in self.positions():
            chosen = 1 if decision is None else len(decision.candidates)
            found[self._game_no[parent.spec.game_no]] += chosen * self._wish.samples
        return found

    def round(self, round_no: int, standings: Standings) -> Iterator[MatchSpec] | None:  # noqa: ARG002 - the base's
        """Return the continuations."""
        return self._numbered() if round_no == 0 else None

    def describe(self) -> Iterator[str]:
        """Yield what is continued."""
        yield self._wish.told()

    def positions(self) -> Iterator[tuple[Parent, Decision | None]]:
        """Yield each position that is continued: a decision, None for the turn of a branch.

        Raises:
            StoreError: a parent does not replay.
        """
        if self._wish.match is not None:
            found = next(parents(self._store, self._wish.run, self._wish.match), None)
            if found is not None:
                yield found, None
            return
        for parent in self._chosen():
            try:
                for decision in self._decisions(parent):
                    yield parent, decision
            except GameError as error:
                where = f"{self._wish.run}/{parent.spec.match_no}"
                msg = f"match {where} does not replay ({error}): see evalengine replay --verify"
                raise StoreError(msg) from error

    def _chosen(self) -> Iterator[Parent]:
        wish, selected = self._wish, self._selector()
        every = (
            parent
            for parent in parents(self._store, wish.run)
            if parent.spec.game_no in self._game_no
            and (wish.agent is None or wish.agent in parent.spec.agents)
            and selected(parent.spec)
        )
        return itertools.islice(every, wish.parents)

    def _selector(self) -> Callable[[MatchSpec], bool]:
        selected = planning.selector(self._wish.select, ())
        if selected is None:
            return lambda _spec: True
        return lambda spec: selected(
            planning.match_name(
                self._games[self._game_no[spec.game_no]].ref,
                [self._names[agent] for agent in spec.agents],
                spec.match_no,
            )
        )

    def _decisions(self, parent: Parent) -> Iterator[Decision]:
        wish = self._wish
        match = parent.match(self._game_of(parent))
        seen = itertools.count()
        first = first_asked(parent.spec)
        for number, turn in enumerate(parent.turns):
            for request in match.requests() if number >= first else ():
                ours = wish.agent is None or parent.spec.agents[request.seat] == wish.agent
                if ours and next(seen) % wish.every == 0:
                    candidates = self._candidates(parent, request, turn)
                    if candidates:
                        yield Decision(match, request.seat, candidates, turn)
            match.replay([turn])

    def _candidates(self, parent: Parent, request: Request, turn: Mapping[int | None, Any]) -> list[Action]:
        """Return what may be done, in the game's order; nothing where that cannot be listed or compared."""
        seat = request.seat
        if any(isinstance(done, Fault) for other, done in turn.items() if other not in {seat, None}):
            return []  # what another seat did in this turn cannot be done again
        legal = list(request.legal or ())
        done = turn[None] if None in turn else turn[seat]
        if legal and not isinstance(done, Fault) and not contains(legal, done):
            legal.append(done)  # the game takes more than it lists
        most = self._wish.actions
        if most is None or len(legal) <= most:
            return legal
        path = "candidates", self._wish.run, parent.spec.match_no, request.turn, seat
        order = seeding.stream(self.plan.seed, *path).sample(range(len(legal)), len(legal))
        # What was done comes first: all others are compared with it.
        order.sort(key=lambda place: not contains([legal[place]], done))
        return [legal[place] for place in sorted(order[:most])]

    # ------------------------------------------------------------------------------ the matches

    def _numbered(self) -> Iterator[MatchSpec]:
        numbers = itertools.count()
        for parent, decision in self.positions():
            if decision is None:
                yield from self._samples(parent, self._turn_blob(parent), self._wish.turn or 0, numbers)
                continue
            for action in decision.candidates:
                chosen = decision.seat, action, contains([action], decision.done)
                yield from self._samples(parent, _held(decision, action), decision.match.turn, numbers, chosen)

    def _turn_blob(self, parent: Parent) -> bytes:
        return wire.pack_turns(Match.resume(parent.spec, self._game_of(parent), parent.turns[: self._wish.turn]).log)

    def _game_of(self, parent: Parent) -> Game:
        return self._games[self._game_no[parent.spec.game_no]].game

    def _samples(
        self,
        parent: Parent,
        turns: bytes,
        turn: int,
        numbers: Iterator[int],
        chosen: tuple[int | None, Action, bool] = (None, None, False),
    ) -> Iterator[MatchSpec]:
        """Yield the continuations of one position, that differ in their seeds."""
        wish, spec = self._wish, parent.spec
        agents = [self._agent_no.get(agent, 0) for agent in spec.agents]
        for seat, agent in wish.seats:
            agents[seat] = agent
        for sample in range(wish.samples):
            # Not of the action: all that are compared meet the same luck, and agents with the same seeds.
            path = wish.run, spec.match_no, turn, sample
            branch = Branch(
                f"{wish.run}/{spec.match_no}",
                turn,
                seeding.derive(self.plan.seed, "luck", *path) if wish.luck == "fresh" else None,
                lucks(spec.branch),
                seeding.derive(self.plan.seed, "agents", *path),
                sample,
                *chosen,
                turns,
            )
            match_no = next(numbers)
            game_no, opening = self._game_no[spec.game_no], min(spec.opening, turn)
            # Each a rotation of its own: nothing is known of seats exchanged.
            yield MatchSpec(match_no, game_no, match_no, spec.seed, tuple(agents), opening, spec.max_turns, branch)


def _held(decision: Decision, action: Action) -> bytes:
    """Return the turns with `action` in the place of what the seat did; the others of that turn do as they did."""
    actions, who, faults = decision.match.log
    seats = sorted(decision.match.state.to_move())
    done = [action if seat == decision.seat else decision.turn[seat] for seat in seats]
    mask = seats[0] if len(seats) == 1 else ~sum(1 << seat for seat in seats)
    return wire.pack_turns(([*actions, *done], [*who, mask], faults))


def plan_of(settings: Settings, games: Sequence[ChosenGame], agents: Sequence[AgentSpec]) -> Plan:
    """Return the plan of a run that continues others: who plays where is not its matter."""
    contests = []
    for game_no, game in enumerate(games):
        able = tuple(number for number, agent in enumerate(agents) if planning.fits(agent, game))
        contests.append(Contest(game_no=game_no, ref=game.ref, sides=game.sides, agents=able, opening=0))
    return Plan(seed=settings.seed, contests=tuple(contests))


def pairing(plan: Plan, store: Store, games: Sequence[ChosenGame], wish: Continues) -> Continued:
    """Return what pairs such a run."""
    rows = store.rows("select name from agent where run = ? order by agent_no", wish.run)
    return Continued(plan, store, games, wish, [row["name"] for row in rows])
