create table gert_work (
    ticket text primary key,
    kind text not null,
    owner text not null,
    params text not null,
    job integer unique,
    created real not null
) without rowid;
create index gert_work_owner on gert_work (owner, kind, job);
create table gert_submission (
    number integer primary key,
    id text not null unique,
    owner text not null,
    game text not null,
    language text not null,
    state text not null,
    files text not null,
    entry text not null default '',
    digest text not null default '',
    provider text,
    provider_source text,
    model text,
    notes text not null default '',
    error text,
    work text,
    place integer,
    created real not null,
    deleted real,
    elo real,
    elo_lo real,
    elo_hi real
);
create index gert_submission_owner on gert_submission (owner, number);
create index gert_submission_game on gert_submission (game, elo);
create unique index gert_submission_work on gert_submission (work, game, place) where work is not null;
create table gert_evaluation (
    number integer primary key,
    id text not null unique,
    submission text not null,
    owner text not null,
    work text not null,
    run integer,
    created real not null,
    finished real,
    elo real,
    result text not null default '{}',
    unique (submission, work)
);
create index gert_evaluation_work on gert_evaluation (work);
create table gert_run (
    run integer primary key,
    owner text not null,
    game text not null,
    work text not null,
    created real not null
);
create index gert_run_owner on gert_run (owner, game);
create index gert_run_work on gert_run (work);
create table gert_pair (
    run integer not null,
    first text not null,
    second text not null,
    game text not null,
    wins integer not null,
    draws integer not null,
    losses integer not null,
    primary key (run, first, second)
) without rowid;
create index gert_pair_game on gert_pair (game);
create table gert_ledger (
    number integer primary key,
    owner text not null,
    kind text not null,
    work text not null unique,
    credits real not null,
    matches integer not null,
    settled real,
    played integer,
    created real not null
);
create index gert_ledger_owner on gert_ledger (owner, number);
create table gert_exported (
    owner text not null,
    kind text not null,
    key text not null,
    work text not null,
    game text not null,
    primary key (owner, kind, key, work)
) without rowid;
create table gert_download (
    digest blob primary key,
    work text not null,
    part integer not null,
    expires real not null
) without rowid;
