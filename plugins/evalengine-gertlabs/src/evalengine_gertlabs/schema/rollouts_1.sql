create table gert_rollout_run (
    no integer primary key,
    id text not null unique,
    owner text not null,
    state text not null,
    created real not null,
    expires real not null,
    closed real,
    max_episodes integer not null,
    episodes_used integer not null default 0,
    ticks_per_episode integer not null,
    ticks_used integer not null default 0,
    auto_curriculum integer not null,
    band_width real not null,
    alpha real not null,
    win_rate real
);
create index gert_rollout_run_owner on gert_rollout_run (owner, no);
create table gert_episode (
    no integer primary key,
    id text not null unique,
    run integer not null references gert_rollout_run (no),
    state text not null,
    began integer not null,
    plan blob not null,
    snapshot integer,
    last blob,
    ended real
);
create index gert_episode_run on gert_episode (run, state);
create index gert_episode_ended on gert_episode (ended) where ended is not null;
create table gert_episode_step (
    episode integer not null,
    tick integer not null,
    after integer not null,
    turns blob not null,
    digest blob,
    primary key (episode, tick)
) without rowid;
create table gert_snapshot (
    no integer primary key,
    turns blob not null
);
create table gert_fork (
    episode text not null,
    op_key text not null,
    count integer not null,
    state text not null,
    children blob,
    at real not null,
    primary key (episode, op_key)
) without rowid;
