"""A game with all that makes continuing hard: chance each turn, hidden dice, two seats at once, an opening, one state.

No tests here; tests copy this file as a plugin.
"""

from evalengine import Game, GameSpec, State, hookimpl


class Dice(State):
    def __init__(self, length, dice):
        self.left = length
        self.dice = dice  # by seat: what it alone sees
        self.points = [0, 0]
        self.done = []

    def to_move(self):
        if not self.left:
            return []
        return [self.left % 2] if self.left % 3 == 0 else [1, 0]  # sometimes one seat, else both

    def view(self, seat):
        return {"die": self.dice[seat], "points": list(self.points), "left": self.left}

    def legal(self, seat):
        return range(4)

    def apply(self, actions, rng):
        for seat, action in actions.items():
            self.points[seat] += action * self.dice[seat] + rng.randrange(5)
            self.dice[seat] = rng.randrange(1, 7)
        self.done.append(sorted(actions.items()))
        self.left -= 1
        return self

    def scores(self):
        ahead = self.points[0] - self.points[1]
        return (float(ahead), float(-ahead))

    def clone(self):
        other = Dice(self.left, list(self.dice))
        other.points, other.done = list(self.points), list(self.done)
        return other


class DiceGame(Game):
    def __init__(self, length):
        self.length = length

    def initial(self, seats, rng):
        return Dice(self.length, [rng.randrange(1, 7), rng.randrange(1, 7)])


def spec(name, **fields):
    return GameSpec(
        name=name,
        version="1",
        doc="Dice.",
        factory=f"{__name__}:DiceGame",
        config={"length": {"type": "integer", "default": 8, "minimum": 1, "maximum": 99}},
        max_turns=99,
        dynamics="simultaneous",
        information="hidden",
        chance=True,
        opening_turns=2,
        min_score=-999.0,
        max_score=999.0,
        **fields,
    )


@hookimpl
def evalengine_games():
    return [
        spec("dice"),
        spec("stiff", clone="none"),  # replayed from its start for each continuation
        spec("fixed", branching="same-luck"),
        spec("closed", branching="none"),
    ]
