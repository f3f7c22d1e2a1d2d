"""A sound game with something to hide: one of six cards each, pass or bet in turn, the higher card wins."""

from evalengine import Game, GameSpec, State


class Cards(Game):
    def initial(self, seats, rng):
        deck = list(range(6))
        rng.shuffle(deck)
        return Deal(deck, [])


class Deal(State):
    def __init__(self, deck, done):
        self.deck = deck  # the first two are dealt
        self.done = done

    def to_move(self):
        return [len(self.done)] if len(self.done) < 2 else []

    def legal(self, seat):
        return [0, 1] if len(self.done) < 2 else []

    def apply(self, actions, rng):
        ((_, action),) = actions.items()
        return type(self)(self.deck, [*self.done, action])

    def scores(self):
        if len(self.done) < 2 or self.done[0] != self.done[1]:
            return (0.0, 0.0)
        return (1.0, -1.0) if self.deck[0] > self.deck[1] else (-1.0, 1.0)

    def clone(self):
        return self

    def sample(self, seat, rng):
        others = [card for card in range(6) if card != self.deck[seat]]
        rng.shuffle(others)
        others.insert(seat, self.deck[seat])
        return type(self)(others, self.done)

    def view(self, seat):
        return {"card": self.deck[seat], "done": list(self.done)}

    def render(self, seat=None):
        return f"cards {self.deck[:2] if seat is None else self.deck[seat]}, done {self.done}"


def spec(module, **fields):
    told = {"information": "hidden", "chance": True, "sample": True, "max_turns": 2} | fields
    doc = "A card each, bet or pass.\nAn action is 0 pass or 1 bet."
    return GameSpec(name=module, version="1", doc=doc, factory=f"{module}:Broken", **told)


def game(state):
    """Return a Game whose deals are states of this class."""

    class Made(Cards):
        def initial(self, seats, rng):
            deal = super().initial(seats, rng)
            return state(deal.deck, deal.done)

    return Made


Broken = Cards  # what spec() names, so that the sound game can be tried as well
