-- What the server keeps: API keys by their digests, and jobs.
create table api_key (
  id integer primary key, name text not null, digest blob not null unique, scopes text not null,
  created real not null, revoked real
) strict;
create unique index api_key_name on api_key (name) where revoked is null;
create table job (
  id integer primary key, kind text not null, owner integer, request text not null, state text not null,
  progress real not null default 0, kept text not null default '{}', result text, error text,
  cancel integer not null default 0, created real not null, started real, finished real
) strict;
create index job_state on job (state);
create index job_owner on job (owner);
