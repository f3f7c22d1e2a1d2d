"""Nash averaging: agents weighed by the most even equilibrium of the game of choosing one of them.

Source: Balduzzi et al., Re-evaluating Evaluation (2018): the equilibrium of largest entropy does not change when an
agent is added twice, and gives nothing to agents that others replace.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from evalengine import ConfigError
from evalengine.builtin import entropy
from evalengine.builtin.central_path import interior

if TYPE_CHECKING:
    from collections.abc import Sequence

Table = list[list[float]]


class Equilibrium(NamedTuple):
    """The equilibrium of largest entropy, and what each agent is worth against it."""

    p: tuple[float, ...]  # by agent; adds up to 1
    value: tuple[float, ...]  # by agent: its payoff against the equilibrium; 0 is the best, of agents against tasks not
    tasks: tuple[float, ...] = ()  # by task; of agents against tasks only


def nash(payoff: Sequence[Sequence[float]], *, tasks: bool = False) -> Equilibrium:
    """Return the maximum-entropy Nash equilibrium of agents against agents, or of agents against tasks.

    Args:
        payoff: of the row's agent against the column's, antisymmetric (log-odds, wins less losses);
        tasks: columns are tasks instead, of scores that are first scaled to 0 ... 1 by column (Balduzzi, appendix D).

    Raises:
        ConfigError: the table is not finite, or not antisymmetric.
    """
    table = [[float(value) for value in row] for row in payoff]
    if not table or not table[0] or not all(len(row) == len(table[0]) and all(map(isfinite, row)) for row in table):
        msg = "nash: payoff must be a table of finite numbers with rows of one length, at least one"
        raise ConfigError(msg)
    return _against_tasks(table) if tasks else _against_agents(table)


def _against_agents(table: Table) -> Equilibrium:
    n = len(table)
    if len(table[0]) != n or any(table[i][j] != -table[j][i] for i in range(n) for j in range(i + 1)):
        msg = "nash: payoff must be square and payoff[i][j] == -payoff[j][i]; for agents against tasks give tasks=True"
        raise ConfigError(msg)
    scale = max(abs(value) for row in table for value in row) or 1.0
    scaled = [[value / scale for value in row] for row in table]
    inner, slack = interior(scaled)
    played = [i for i in range(n) if inner[i] > slack[i]]
    p = _most_even(scaled, inner, played, played)
    return Equilibrium(tuple(p), _products(table, p))


def _most_even(rows: Table, inner: Sequence[float], played: Sequence[int], tight: Sequence[int]) -> list[float]:
    """Return the distribution of largest entropy on `played` with rows . p = 0 where tight and <= 0 elsewhere."""
    equal = [[rows[i][j] for j in played] for i in tight]
    bound = [[rows[i][j] for j in played] for i in range(len(rows)) if i not in set(tight)]
    shares = entropy.largest(equal, bound, [inner[j] for j in played])
    p = [0.0] * len(inner)
    for j, share in zip(played, shares, strict=True):
        p[j] = share
    return p


def _against_tasks(table: Table) -> Equilibrium:
    """Solve the matrix game by its symmetric form (Gale, Kuhn and Tucker 1950), then each side by itself."""
    low = [min(column) for column in zip(*table, strict=True)]
    span = [max(column) - least for column, least in zip(zip(*table, strict=True), low, strict=True)]
    # A task on which all score alike says nothing about them: 0 for everybody.
    scores = [
        [(v - least) / wide if wide else 0.0 for v, least, wide in zip(row, low, span, strict=True)] for row in table
    ]
    m, n = len(scores), len(scores[0])
    turned = [list(column) for column in zip(*scores, strict=True)]
    game = [[0.0] * m + [v + 1 for v in row] + [-1.0] for row in scores]
    game += [[-v - 1 for v in row] + [0.0] * n + [1.0] for row in turned]
    game.append([1.0] * m + [-1.0] * n + [0.0])
    inner, slack = interior(game)
    agents = [i for i in range(m) if inner[i] > slack[i]]
    solved = [j for j in range(n) if inner[m + j] > slack[m + j]]
    x, y = _normed(inner[:m]), _normed(inner[m : m + n])
    value = sum(x[i] * sum(map(float.__mul__, scores[i], y)) for i in range(m))
    # Scores less the value: an optimal mixture of agents reaches 0 on the tasks that are played and more on others.
    p = _most_even([[value - v for v in row] for row in turned], x, agents, solved)
    q = _most_even([[v - value for v in row] for row in scores], y, solved, agents)
    return Equilibrium(tuple(p), _products(scores, q), tuple(q))


def _normed(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values]


def _products(rows: Table, p: Sequence[float]) -> tuple[float, ...]:
    return tuple(sum(map(float.__mul__, row, p)) for row in rows)
