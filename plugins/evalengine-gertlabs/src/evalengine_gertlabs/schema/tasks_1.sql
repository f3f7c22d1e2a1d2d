create table gert_task (
    no integer primary key,
    id text not null unique,
    owner text not null,
    variant text not null,
    difficulty real not null,
    state text not null,
    created real not null
);
create index gert_task_created on gert_task (created);
create table gert_answer (
    task integer not null,
    digest blob not null,
    points real not null,
    solved integer not null,
    error text,
    primary key (task, digest)
) without rowid;
