-- Where each round after the first begins, and of the latest what its pairing was given: it is planned again on resume.
create table round (
  run integer not null, round_no integer not null, first_no integer not null, stored integer not null, standings text,
  primary key (run, round_no)
) strict, without rowid;
