"""Plays matches: makes the seats, asks them until the match is over, returns results. No hook, no SQL."""

from __future__ import annotations

import itertools
import random
import sys
import time
import traceback
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, ClassVar

from evalengine import branches, references
from evalengine.clocks import by_cpu
from evalengine.contracts import Game, Info
from evalengine.errors import GameError
from evalengine.match import Match
from evalengine.model import (
    ENGINE_DIALECTS,
    AgentSpec,
    MatchResult,
    MatchSpec,
    Orders,
    Played,
)
from evalengine.played import contended_row, own_faults, row_of, void_row
from evalengine.processes import Zygote
from evalengine.program_seats import ProgramSeat
from evalengine.python_seats import PythonSeat
from evalengine.seats import LocalSeat, Seat
from evalengine.seeding import derive_each
from evalengine.together import Together, hear, leave
from evalengine.waiting import Core
from evalengine.warm_seats import WarmProcess, WarmSeat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalengine.model import Limits

_AGENTS = "agents"  # the path of their seeds
_REPLAYS = 2
_AT_ONCE = 64  # matches of kept agents that are played at the same time
_DEATHS = 3  # of an agent's kept processes, after which it gets a fresh one for each match
_clock = time.perf_counter_ns


class Worker:
    """Plays matches with the games and agents of one run.

    Attributes:
        match: the match that is being played; finished: how many were.
    """

    own_session: ClassVar[bool] = False  # of agents' processes: where a terminal's Ctrl-C would reach them

    def __init__(self, orders: Orders, core: Core | None = None) -> None:
        self._orders = orders
        self._core = core or Core()  # whoever plays in one of several threads holds it
        self._games: dict[int, Game] = {}
        self._makers: dict[int, Callable[[], Any]] = {}  # by agent, of trusted ones
        self._kept: dict[tuple[int, int], WarmProcess] = {}  # by agent and seat
        self._deaths: Counter[int] = Counter()  # by agent, of kept processes
        self._frail: set[int] = set()  # agents that are not kept any more
        self._shares: dict[tuple[int, ...], tuple[bool, bool]] = {}  # by agents, see _sharing
        self._resting: dict[int, list[Seat]] = {}  # by agent: seats whose programs wait for another match
        self._zygote = Zygote(orders.containment, own_session=self.own_session)
        self._seeds: tuple[int, list[int]] = (-1, [])  # of a match, and its agents'
        self._parents = branches.Parents()
        self.match: Match | None = None
        self.finished = 0

    @property
    def progress(self) -> int:
        """A number that changes whenever a turn ends."""
        match = self.match
        turns = len(match.log[1]) if match is not None else 0
        heard = sum(process.heard for process in list(self._kept.values()))
        return (self.finished << 32) + turns + self._core.passed + heard

    def play(self, spec: MatchSpec, replays: int = _REPLAYS) -> Played:
        """Return the result of one match; void when the game, the engine, or the machine's load failed it.

        Args:
            replays: how often a match is played again in which an agent was late since it had to wait for a core.
        """
        started, began = time.time(), _clock()
        seats: list[Seat] = []
        thought: list[int] = []
        self.match = match = None
        try:
            self.match = match = self._begun(spec)
            if not match.over:  # what was chosen in a branch may have ended it
                self._sit(match, seats)
            _drive(match, seats, thought)
            logs = self._closed(match, seats)
            contended = own_faults(match) and any(seat.contended for seat in seats)
            seats = []
            if contended and replays:
                return self.play(spec, replays - 1)
            if contended:
                return contended_row(match, 1 + _REPLAYS, started, _clock() - began)
            return row_of(match, logs, thought, started, _clock() - began)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the worker's border: a broken game voids its match only
            return void_row(spec, match, error, started, _clock() - began)
        finally:
            self.finished += 1
            leave(seats)

    def _begun(self, spec: MatchSpec) -> Match:
        game = self._game(spec.game_no)
        return Match(spec, game) if spec.branch is None else self._parents.begin(spec, game)

    def play_all(self, specs: Iterable[MatchSpec], stopped: Callable[[], bool]) -> list[Played]:
        """Return the results of matches in their order, those of kept Python agents played at the same time.

        Args:
            stopped: whether no further match may begin; then the results are those of the first ones.
        """
        rows: list[Played | None] = []
        shared: deque[tuple[int, MatchSpec]] = deque()
        for spec in specs:
            kept, shares = self._sharing(spec.agents) if spec.branch is None else (False, False)
            if shares:
                shared.append((len(rows), spec))
                rows.append(None)
            elif stopped():
                break
            elif kept:
                rows.append(None)
                self._play_together(deque([(len(rows) - 1, spec)]), rows, lambda: False, most=1)
            else:
                rows.append(self.play(spec))
        self._play_together(shared, rows, stopped)
        return list(itertools.takewhile(lambda row: row is not None, rows))  # type: ignore[arg-type]  # as it says

    # ------------------------------------------------------------------------ many at the same time

    def _play_together(
        self,
        waiting: deque[tuple[int, MatchSpec]],
        rows: list[Played | None],
        stopped: Callable[[], bool],
        most: int = _AT_ONCE,
    ) -> None:
        """Play matches, `most` at the same time; put their results into `rows`."""
        games: list[Together] = []
        while True:
            while waiting and len(games) < most and not stopped():
                place, spec = waiting.popleft()
                kept, shares = self._sharing(spec.agents)
                if shares or (kept and most == 1):
                    games.append(Together(place, spec, self._game, self._sit_kept))
                else:  # its agent died too often meanwhile
                    rows[place] = self.play(spec)
            going = []
            for game in games:
                if game.step():
                    going.append(game)
                else:
                    rows[game.place] = self._ended_together(game)
            games = going
            if not games and (not waiting or stopped()):
                return
            for process in self._kept.values():
                process.flush()
            for process in self._kept.values():
                process.exchange()

    def _sit_kept(self, match: Match, seats: list[Seat]) -> None:
        self._sit(match, seats, kept=True)

    def _ended_together(self, game: Together) -> Played:
        """Return the result of a match; one with a fault of a kept agent is played again, with fresh ones."""
        match, took_ns = game.match, _clock() - game.began
        if game.error is not None or match is None or match.result is None:
            leave(game.seats)
            assert game.error is not None
            return void_row(game.spec, match, game.error, game.started, took_ns)
        faults = match.result.faults
        if game.kept and not faults:
            logs = tuple(
                (number, stream, text)
                for number, seat in enumerate(game.seats)
                for stream, text in seat.close(match.result, faulted=False).items()
            )
        else:
            logs = self._closed(match, game.seats)
        if faults and any(type(game.seats[seat]) is WarmSeat for _, seat, _ in faults):
            return self.play(game.spec)
        self.finished += 1
        return row_of(match, logs, game.thought, game.started, took_ns)

    def _sharing(self, agents: tuple[int, ...]) -> tuple[bool, bool]:
        """Say whether any of these agents is kept; and whether their match can be played at the same time as others."""
        if agents not in self._shares:
            kept = [self._is_kept(agent) for agent in agents]
            all_may = all(own or self._is_plain(agent) for own, agent in zip(kept, agents, strict=True))
            self._shares[agents] = any(kept), any(kept) and all_may
        return self._shares[agents]

    def _is_plain(self, agent_no: int) -> bool:
        agent = self._orders.agents[agent_no]
        # Functions of the caller share the global generators, which are seeded for one match.
        return agent.kind == "trusted" and not agent.payload and not agent.waits_s

    def _is_kept(self, agent_no: int) -> bool:
        agent = self._orders.agents[agent_no]
        # A bank is one match's: what an agent does for another meanwhile must not be paid from it.
        bounded = self._limits(agent).match_s is not None
        return (
            self._orders.isolation == "run" and agent.kind == "python" and not bounded and agent_no not in self._frail
        )

    def _limits(self, agent: AgentSpec) -> Limits:
        return self._orders.limits if agent.limits is None else agent.limits

    def _kept_process(self, match: Match, number: int, agent_no: int, seed: int) -> WarmProcess:
        """Return the process of an agent in a seat, a new one if it is dead."""
        key = agent_no, number
        process = self._kept.get(key)
        if process is not None and process.fallen is None:
            return process
        if process is not None:
            process.close()
            self._deaths[agent_no] += 1
            if self._deaths[agent_no] >= _DEATHS:
                self._frail.add(agent_no)
                self._shares.clear()
        spec, info = self._orders.agents[agent_no], Info(match.game, number, match.sides, seed)
        limits = self._limits(spec)
        self._tell_limits(info, spec, limits)
        self._kept[key] = process = WarmProcess(spec, info, limits, self._zygote)
        return process

    # ------------------------------------------------------------------------------------ seats

    def _sit(self, match: Match, seats: list[Seat], *, kept: bool = False) -> None:
        """Make the seats of a match, one by one: what is made is closed if the next fails."""
        spec = match.spec
        seed = spec.seed if spec.branch is None else spec.branch.agent_seed
        if seed != self._seeds[0] or len(self._seeds[1]) != len(spec.agents):  # else the rotation has them
            self._seeds = seed, derive_each(seed, _AGENTS, len(spec.agents))
        seeds, sides, makers = self._seeds[1], match.sides, self._makers
        for number, agent in enumerate(spec.agents):
            if kept and self._is_kept(agent):
                process = self._kept_process(match, number, agent, seeds[number])
                seats.append(process.seat(match, number, seeds[number]))
                continue
            info, make = Info(match.game, number, sides, seeds[number]), makers.get(agent)
            if spec.branch is not None:
                outside = self._orders.agents[agent].kind != "trusted"
                info.past = branches.past(spec, match.game, info, outside=outside)
            seats.append(self._seat(info, agent) if make is None else LocalSeat(make, info))

    def _game(self, game_no: int) -> Game:
        if game_no not in self._games:
            made = references.build_game(*self._orders.games[game_no])
            versions = self._orders.versions
            if versions and made.spec.version != versions[game_no]:
                msg = (
                    f"game {made.spec.name!r} was version {versions[game_no]} when the run began and is "
                    f"{made.spec.version} now: a file that it reads was changed meanwhile"
                )
                raise GameError(msg)
            self._games[game_no] = made
        return self._games[game_no]

    def _seat(self, info: Info, agent_no: int) -> Seat:
        """Return the seat of an agent from outside, of a function of the caller's, or of one that is met first."""
        orders = self._orders
        spec = orders.agents[agent_no]
        if spec.payload:
            _seed(info.seed)
            return LocalSeat(agent_maker(spec), info)
        if spec.waits_s:
            info.run_folder, info.waiting = orders.run_folder, self._core.released
            return LocalSeat(agent_maker(spec), info)
        if spec.kind == "trusted":
            make = self._makers[agent_no] = agent_maker(spec)
            return LocalSeat(make, info)
        limits = self._limits(spec)
        self._tell_limits(info, spec, limits)
        if self._resting.get(agent_no):
            rested = self._resting[agent_no].pop()
            rested.again(info)
            return rested
        kind = PythonSeat if spec.kind == "python" else ProgramSeat
        return kind(spec, info, limits, self._zygote)

    def _tell_limits(self, info: Info, spec: AgentSpec, limits: Limits) -> None:
        info.turn_s, info.match_s, info.increment_s = limits.turn_s, limits.match_s, limits.increment_s
        info.clock = "cpu" if by_cpu(limits, engine=spec.dialect in ENGINE_DIALECTS) else "wall"

    def _closed(self, match: Match, seats: Sequence[Seat]) -> tuple[tuple[int, str, str], ...]:
        """End the agents, or let them rest, and return their logs as (seat, stream, text)."""
        assert match.result is not None
        for seat in seats:
            if seat.closes:
                break
        else:
            return ()
        faulted = {seat for _, seat, _ in own_faults(match)}
        logs = []
        for number, seat in enumerate(seats):
            found = self._ended(seat, match.spec.agents[number], match.result, faulted=number in faulted)
            logs += [(number, stream, text) for stream, text in found.items()]
        return tuple(logs)

    def _ended(self, seat: Seat, agent_no: int, result: MatchResult, *, faulted: bool) -> Mapping[str, str]:
        if self._orders.isolation == "run" and not faulted:
            logs = _guarded(lambda: seat.rest(result))
            if logs is not None:
                self._resting.setdefault(agent_no, []).append(seat)
                return logs
        return _guarded(lambda: seat.close(result, faulted=faulted)) or {}

    def close(self) -> None:
        """End the processes that agents are forked from."""
        for process in self._kept.values():
            process.close()
        for seat in [seat for seats in self._resting.values() for seat in seats]:
            seat.close(None, faulted=False)
        self._zygote.close()


def agent_maker(spec: AgentSpec) -> Callable[[], Any]:
    """Return what makes a trusted agent anew for a match.

    Raises:
        PluginError: its factory cannot be imported.
    """
    if spec.payload:
        import dill

        # Unpickled for each match: a counter that it closes over starts afresh, whichever worker plays.
        return lambda: _instance(dill.loads(spec.payload), {})  # noqa: S301 - the caller's own
    made = references.imported(spec.factory, f"agent {spec.name!r}")
    if isinstance(made, type) and not spec.config:
        return made
    return lambda: _instance(made, spec.config)


def _seed(seed: int) -> None:
    """Seed the global generators, which functions of the caller use as often as their own."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed & 0xFFFFFFFF)


def _instance(made: Any, config: Mapping[str, Any]) -> Any:
    return made(**config) if isinstance(made, type) else made


def _drive(match: Match, seats: Sequence[Seat], thought: list[int]) -> None:
    """Ask the seats until the match is over."""
    acts, infos = [seat.act for seat in seats], [seat.info for seat in seats]
    if None in acts:
        for seat in seats:
            seat.settle()
    while True:
        thought += match.advance(acts, infos, _clock)
        if match.over:
            return
        requests = match.requests()
        order = requests if len(requests) == 1 else sorted(requests, key=lambda one: not seats[one.seat].asked_first)
        for request in order:
            seats[request.seat].ask(request)
        hear(match, seats, requests, thought)


def _guarded(call: Callable[[], Mapping[str, str] | None]) -> Mapping[str, str] | None:
    try:
        return call()
    except (Exception, SystemExit):  # noqa: BLE001 - the agent border: the match is over, what its end() does changes nothing
        return {"end": traceback.format_exc()}
