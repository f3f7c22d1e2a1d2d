create table gert_account (
    id integer primary key,
    email text not null unique,
    salt blob not null,
    digest blob not null,
    created real not null
);
create table gert_login (
    digest blob primary key,
    account integer not null references gert_account (id),
    csrf blob not null,
    expires real not null
) without rowid;
create table gert_account_key (
    key integer primary key,
    account integer not null references gert_account (id)
);
create index gert_account_key_account on gert_account_key (account);
create table gert_session_gone (
    id text primary key
) without rowid;
