-- Live matches: one with remote seats is a run of kind 'live' from its beginning, and its actions are kept until it ends.
create table live (
  run integer primary key, id text not null unique, state text not null, reason text not null default '', owner text not null,
  created real not null, ended real, spec text not null, remote text not null, stand_in integer not null,
  options text not null, note text not null, parent text, turn integer, result text
) strict;
create index live_state on live (state);
create index live_parent on live (parent);
create table live_token (digest blob primary key, run integer not null, seat integer not null, holder text not null) strict, without rowid;
create index live_token_run on live_token (run);
create table live_left (run integer not null, seat integer not null, turn integer not null, reason text not null, primary key (run, seat))
  strict, without rowid;
create table live_action (
  run integer not null, turn integer not null, seat integer not null, action blob, fault text, info blob, think_us integer not null,
  action_id text, primary key (run, turn, seat)
) strict, without rowid;
create unique index live_action_id on live_action (run, seat, action_id) where action_id is not null;
