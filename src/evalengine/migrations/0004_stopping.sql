-- Runs that stop by themselves: what decided, and which matches were played after it and do not count.
alter table run add column decided_at integer;
create table stopping (
  run integer primary key, watermark integer not null, state blob not null, result text not null
) strict;
drop view v_matches;
create view v_matches as
  select m.id >> 40 as run, m.id & 1099511627775 as match_no, g.ref as game,
    (select group_concat(name, '-vs-') from (select a.name from json_each(m.seats) s
      join agent a on a.run = m.id >> 40 and a.agent_no = json_extract(s.value, '$[0]') order by s.key)) as agents,
    m.rotation, m.opening, m.seed, m.branch, m.termination, m.turns, m.started, m.seconds, m.worker,
    (select r.decided_at is null or m.id & 1099511627775 <= r.decided_at from run r where r.id = m.id >> 40) as used
  from match m join game g on g.run = m.id >> 40 and g.game_no = m.game_no;
