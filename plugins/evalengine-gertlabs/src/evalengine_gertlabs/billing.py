"""Credits: a quota of matches for each account. Nobody pays; it keeps one from taking all of a machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evalengine import RefusedError
from evalengine_gertlabs import owners, paging, replies, times, works

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from evalengine_gertlabs.api import Api
    from evalengine_gertlabs.settings import Options

TIER = "local"
# What a charge costs: what was played of it once that is known; of a job that ended without saying, its share.
_COST = """case when settled is not null then settled
    when job.state in ('failed', 'cancelled') then credits * job.progress else credits end"""
_JOINED = "from gert_ledger left join gert_work on ticket = work left join job on job.id = gert_work.job"


def routes(api: Api) -> Sequence[Any]:
    """Return the routes."""
    billing = _Billing(api)
    return [replies.route("/auth/balance", billing.balance), replies.route("/auth/usage", billing.usage)]


class _Billing:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def balance(self, request: Any) -> Any:
        """Show what is left."""
        asker = await owners.asker(self._api, request, "read")
        rows = await self._api.read(_SPENT, asker.owner)
        spent, options = float(rows[0][0]), self._api.options
        told = {
            "credits": round(options.credits - spent, 6),
            "tier": TIER,
            "spent": round(spent, 6),
            "granted": options.credits,
            "credits_per_match": options.credits_per_match,
        }
        return replies.result(request, told)

    async def usage(self, request: Any) -> Any:
        """List what was charged, the latest first."""
        asker = await owners.asker(self._api, request, "read")
        page = paging.page(request, "entries", int)
        after = page.after[0] if page.after else (1 << 63) - 1
        sql = f"""select gert_ledger.number, gert_ledger.kind, matches, played, gert_ledger.created, gert_work.job,
            {_COST} as cost {_JOINED} where gert_ledger.owner = ? and gert_ledger.number < ?
            order by gert_ledger.number desc limit ?"""
        rows = await self._api.read(sql, asker.owner, after, page.read)
        return paging.reply(request, page, rows, lambda row: (row["number"],), _entry)


_SPENT = f"select coalesce(sum({_COST}), 0) {_JOINED} where gert_ledger.owner = ?"


def _entry(row: Any) -> dict[str, Any]:
    return {
        "entry_id": f"entry_{row['number']}",
        "kind": row["kind"],
        "credits": round(row["cost"], 6),
        "matches": row["matches"] if row["played"] is None else row["played"],
        "job_id": None if row["job"] is None else works.name_of(row["job"]),
        "created_at": times.told(row["created"]),
    }


def price(options: Options, matches: int) -> float:
    """Return what so many matches cost."""
    return round(matches * options.credits_per_match, 6)


def charge(  # noqa: PLR0917 - what a charge is
    connection: sqlite3.Connection, options: Options, owner: str, kind: str, ticket: str, matches: int
) -> None:
    """Take the price of matches off what an account has left; within a transaction.

    Raises:
        RefusedError: 402, that is less.
    """
    cost = price(options, matches)
    (spent,) = connection.execute(_SPENT, (owner,)).fetchone()
    left = options.credits - spent
    if cost > left + 1e-9:
        msg = f"{matches} matches cost {cost:g} credits, and {max(0.0, left):g} are left: ask for fewer"
        raise RefusedError(402, "INSUFFICIENT_CREDITS", msg, credits=round(left, 6), estimated_credits=cost)
    sql = "insert into gert_ledger (owner, kind, work, credits, matches, created) values (?, ?, ?, ?, ?, ?)"
    connection.execute(sql, (owner, kind, ticket, cost, matches, time.time()))


def settle(connection: sqlite3.Connection, ticket: str, played: int) -> None:
    """Make a charge what was played of it, never more than it was."""
    sql = """update gert_ledger set played = ?, settled = min(credits, credits * ? / max(matches, 1)) where work = ?"""
    connection.execute(sql, (played, played, ticket))
