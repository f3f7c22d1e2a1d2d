-- Several raters on one board, and what a fit says beside the rating.
drop view v_ratings;
drop view v_standings;
alter table rating_state rename to old_state;
alter table rating rename to old_rating;
alter table rating_history rename to old_history;
create table rating_state (
  run integer not null, scope text not null, rater text not null, main integer not null, options text not null,
  watermark integer not null, changed text not null, state blob not null, primary key (run, scope, rater)
) strict, without rowid;
create table rating (
  run integer not null, scope text not null, rater text not null, agent_no integer not null,
  rating real not null, sigma real not null, lo real, hi real,
  rank integer, rank_lo integer, rank_hi integer, provisional integer not null, component integer not null,
  primary key (run, scope, rater, agent_no)
) strict, without rowid;
create table rating_history (
  run integer not null, scope text not null, rater text not null, agent_no integer not null, matches integer not null,
  rating real not null, sigma real not null, lo real, hi real, primary key (run, scope, rater, agent_no, matches)
) strict, without rowid;
insert into rating_state select run, scope, rater, 1, options, watermark, '[]', state from old_state;
insert into rating select r.run, r.scope, s.rater, r.agent_no, r.rating, r.sigma, null, null, null, null, null, 0, 0
  from old_rating r join old_state s on s.run = r.run and s.scope = r.scope;
insert into rating_history select h.run, h.scope, s.rater, h.agent_no, h.matches, h.rating, h.sigma, null, null
  from old_history h join old_state s on s.run = h.run and s.scope = h.scope;
drop table old_state;
drop table old_rating;
drop table old_history;
create view v_ratings as
  select r.run, r.scope, a.name as agent, r.rater, r.rating, r.sigma, r.lo, r.hi, r.rank, r.rank_lo, r.rank_hi, r.provisional,
    r.component from rating r join agent a on a.run = r.run and a.agent_no = r.agent_no;
create view v_standings as
  select t.run, a.name as agent, sum(t.matches) as matches, sum(t.wins) as wins, sum(t.draws) as draws, sum(t.losses) as losses,
    sum(t.faults) as faults, r.rating, coalesce(s.sigma, r.sigma) as sigma, r.lo, r.hi, r.rank_lo, r.rank_hi, s.rating as mu
  from tally t join agent a on a.run = t.run and a.agent_no = t.agent_no
  left join rating_state m on m.run = t.run and m.scope = '' and m.main = 1
  left join rating r on r.run = t.run and r.scope = '' and r.rater = m.rater and r.agent_no = t.agent_no
  left join rating s on s.run = t.run and s.scope = '' and s.rater = 'trueskill' and s.agent_no = t.agent_no
  group by t.run, t.agent_no;
