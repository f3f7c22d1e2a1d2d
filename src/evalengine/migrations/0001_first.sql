create table run (
  id integer primary key, state text not null, command text not null, seed integer not null, matches integer,
  settings text not null, versions text not null, sandbox text not null, limits text not null,
  started real not null, ended real, seconds real not null default 0, pid integer, log_bytes integer not null default 0,
  unsteady text not null default '[]'
) strict;
create table game (
  run integer not null, game_no integer not null, ref text not null, name text not null, version text not null,
  config text not null, sides text not null, spec text not null, primary key (run, game_no)
) strict, without rowid;
create table agent (
  run integer not null, agent_no integer not null, name text not null, version text not null, kind text not null,
  pinned integer not null, ref text not null, spec text not null, primary key (run, agent_no)
) strict, without rowid;
create table match (
  id integer primary key, game_no integer not null, rotation integer not null, opening integer not null, seed integer not null,
  key blob, branch text, max_turns integer not null, termination text not null, turns integer not null, actions blob not null, think_us blob not null,
  info blob, started real not null, seconds real not null, worker integer not null
) strict;
create table seat (
  match integer not null, seat integer not null, agent_no integer not null, side integer not null, score real not null,
  place integer not null, fault text, primary key (match, seat)
) strict, without rowid;
create table fault (
  match integer not null, turn integer not null, seat integer, kind text not null, detail text not null, traceback text not null
) strict;
create index fault_match on fault (match);
create table log (match integer not null, seat integer not null, stream text not null, text text not null, primary key (match, seat, stream))
  strict, without rowid;
create table rating_state (
  run integer not null, scope text not null, rater text not null, options text not null, watermark integer not null,
  state blob not null, primary key (run, scope)
) strict, without rowid;
create table rating (
  run integer not null, scope text not null, agent_no integer not null, rating real not null, sigma real not null,
  primary key (run, scope, agent_no)
) strict, without rowid;
create table rating_history (
  run integer not null, scope text not null, agent_no integer not null, matches integer not null, rating real not null,
  sigma real not null, primary key (run, scope, agent_no, matches)
) strict, without rowid;
create table tally (
  run integer not null, game_no integer not null, agent_no integer not null, matches integer not null, wins integer not null,
  draws integer not null, losses integer not null, score real not null, faults integer not null, primary key (run, game_no, agent_no)
) strict, without rowid;
create table pair_count (
  run integer not null, game_no integer not null, first integer not null, second integer not null,
  wins integer not null, draws integer not null, losses integer not null, primary key (run, game_no, first, second)
) strict, without rowid;
create view v_matches as
  select m.id >> 40 as run, m.id & 1099511627775 as match_no, g.ref as game,
    (select group_concat(name, '-vs-') from (select a.name from seat s join agent a on a.run = m.id >> 40 and a.agent_no = s.agent_no
      where s.match = m.id order by s.seat)) as agents,
    m.rotation, m.opening, m.seed, m.branch, m.termination, m.turns, m.started, m.seconds, m.worker
  from match m join game g on g.run = m.id >> 40 and g.game_no = m.game_no;
create view v_seats as
  select s.match >> 40 as run, s.match & 1099511627775 as match_no, s.seat, a.name as agent, s.side, s.score, s.place, s.fault
  from seat s join agent a on a.run = s.match >> 40 and a.agent_no = s.agent_no;
create view v_ratings as
  select r.run, r.scope, a.name as agent, s.rater, r.rating, r.sigma from rating r
  join agent a on a.run = r.run and a.agent_no = r.agent_no join rating_state s on s.run = r.run and s.scope = r.scope;
create view v_standings as
  select t.run, a.name as agent, sum(t.matches) as matches, sum(t.wins) as wins, sum(t.draws) as draws, sum(t.losses) as losses,
    sum(t.faults) as faults, r.rating, r.sigma
  from tally t join agent a on a.run = t.run and a.agent_no = t.agent_no
  left join rating r on r.run = t.run and r.scope = '' and r.agent_no = t.agent_no group by t.run, t.agent_no;
create view v_pairs as
  select p.run, g.ref as game, a.name as first, b.name as second, p.wins, p.draws, p.losses from pair_count p
  join game g on g.run = p.run and g.game_no = p.game_no join agent a on a.run = p.run and a.agent_no = p.first
  join agent b on b.run = p.run and b.agent_no = p.second;
create view v_faults as
  select f.match >> 40 as run, f.match & 1099511627775 as match_no, f.turn, f.seat, a.name as agent, f.kind, f.detail, f.traceback
  from fault f left join seat s on s.match = f.match and s.seat = f.seat
  left join agent a on a.run = f.match >> 40 and a.agent_no = s.agent_no;
