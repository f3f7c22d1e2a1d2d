"""Pure statistics of results: no I/O, no state but what is passed, the standard library alone.

Counts are whole numbers by class, worst first: (losses, draws, wins) of single matches, or the five classes of
rotations of two, (LL, LD, DD+WL, WD, WW). The points of rotations vary less than those of matches that share
nothing, because both agents had the same opening from both seats: so intervals come from rotations where there are any.
"""
