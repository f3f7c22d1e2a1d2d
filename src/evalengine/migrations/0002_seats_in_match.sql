-- The seats of a match as one value in its row: rows of their own cost the writer as much as the match itself.
drop view v_matches;
drop view v_seats;
drop view v_faults;
alter table match rename to match_1;
alter table seat rename to seat_1;
create table match (
  id integer primary key, game_no integer not null, rotation integer not null, opening integer not null, seed integer not null,
  key blob, branch text, max_turns integer not null, termination text not null, turns integer not null, seats text not null,
  actions blob not null, think_us blob not null, info blob, started real not null, seconds real not null, worker integer not null
) strict;
insert into match
  select id, game_no, rotation, opening, seed, key, branch, max_turns, termination, turns,
    (select json_group_array(json('[' || agent_no || ',' || printf('%!.17g', score) || ',' || place || ']'))
      from (select * from seat_1 where match = id order by seat)),
    actions, think_us, info, started, seconds, worker from match_1 order by id;
drop table seat_1;
drop table match_1;
create view seat as
  select m.id as match, s.key as seat, json_extract(s.value, '$[0]') as agent_no,
    (select side.key from game g, json_each(g.sides) side, json_each(side.value) member
      where g.run = m.id >> 40 and g.game_no = m.game_no and member.value = s.key) as side,
    json_extract(s.value, '$[1]') as score, json_extract(s.value, '$[2]') as place,
    (select kind from fault f where f.match = m.id and f.seat = s.key order by f.turn limit 1) as fault
  from match m, json_each(m.seats) s;
create view v_matches as
  select m.id >> 40 as run, m.id & 1099511627775 as match_no, g.ref as game,
    (select group_concat(name, '-vs-') from (select a.name from json_each(m.seats) s
      join agent a on a.run = m.id >> 40 and a.agent_no = json_extract(s.value, '$[0]') order by s.key)) as agents,
    m.rotation, m.opening, m.seed, m.branch, m.termination, m.turns, m.started, m.seconds, m.worker
  from match m join game g on g.run = m.id >> 40 and g.game_no = m.game_no;
create view v_seats as
  select s.match >> 40 as run, s.match & 1099511627775 as match_no, s.seat, a.name as agent, s.side, s.score, s.place, s.fault
  from seat s join agent a on a.run = s.match >> 40 and a.agent_no = s.agent_no;
create view v_faults as
  select f.match >> 40 as run, f.match & 1099511627775 as match_no, f.turn, f.seat, a.name as agent, f.kind, f.detail, f.traceback
  from fault f left join match m on m.id = f.match
  left join agent a on a.run = f.match >> 40 and a.agent_no = json_extract(m.seats, '$[' || f.seat || '][0]');
