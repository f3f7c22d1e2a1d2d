-- Runs that continue stored matches: what kind a run is, and of which run its parents are; their matches as rows.
alter table run add column kind text not null default 'run';
alter table run add column parent integer;
create view v_branches as
  select m.id, m.id >> 40 as run, m.id & 1099511627775 as match_no, json_extract(m.branch, '$[0]') as parent,
    json_extract(m.branch, '$[1]') as turn, json_extract(m.branch, '$[5]') as sample,
    case when json_extract(m.branch, '$[2]') is null then 'same' else 'fresh' end as luck,
    json_extract(m.branch, '$[6]') as seat,
    case when json_extract(m.branch, '$[6]') is not null then json_quote(json_extract(m.branch, '$[7]')) end as action,
    case when json_extract(m.branch, '$[6]') is not null then json_extract(m.branch, '$[8]') end as played,
    json_extract(m.seats, '$[' || json_extract(m.branch, '$[6]') || '][1]') as score,
    json_extract(m.seats, '$[' || json_extract(m.branch, '$[6]') || '][2]') as place,
    (select a.name from agent a where a.run = m.id >> 40
      and a.agent_no = json_extract(m.seats, '$[' || json_extract(m.branch, '$[6]') || '][0]')) as agent,
    m.termination, m.turns
  from match m where m.branch is not null;
