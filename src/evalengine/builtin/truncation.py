"""How far a result moves a normal distribution and narrows it: the functions v and w of TrueSkill.

Source: Herbrich, Minka and Graepel (2006), equations for a win and for a draw; good to 1e-10 however large an upset is.
"""

from __future__ import annotations

from math import erfc, exp, expm1, pi, sinh, sqrt, tanh

ROOT_HALF = sqrt(0.5)
TWICE_DENSITY = 2 / sqrt(2 * pi)
TAIL = -8.0  # below, differences of close numbers lose digits and at -38 the normal integral is 0: use fractions
NARROW = 1e-3  # a draw margin below this, in standard deviations, loses digits: use its limit


def win(x: float) -> tuple[float, float]:
    """Return v and w of a win; x is the winner's lead less the draw margin, in standard deviations."""
    if x <= TAIL:
        return win_tail(x)
    v = TWICE_DENSITY * exp(-0.5 * x * x) / erfc(-x * ROOT_HALF)
    return v, v * (v + x)


def win_tail(x: float) -> tuple[float, float]:
    """Return v and w of a win for x <= -8."""
    excess = _excess(-x)
    v = excess - x
    return v, v * excess


def _excess(y: float) -> float:
    """Return pdf(y) / cdf(-y) - y for y >= 8, by Laplace's continued fraction 1 / (y + 2 / (y + 3 / ...))."""
    value = y
    for k in range(12, 1, -1):
        value = y + k / value
    return 1 / value


def draw(diff: float, edge: float) -> tuple[float, float]:
    """Return v and w of a draw; diff is the first one's lead and edge the draw margin, in standard deviations."""
    lead = abs(diff)
    low, high = -edge - lead, edge - lead
    if edge < NARROW:
        v, w = _draw_narrow(lead, edge)
    elif high <= TAIL:
        v, w = _draw_tail(lead, edge)
    else:
        mass = erfc(-high * ROOT_HALF) - erfc(-low * ROOT_HALF)
        at_low, at_high = TWICE_DENSITY * exp(-0.5 * low * low), TWICE_DENSITY * exp(-0.5 * high * high)
        v = (at_low - at_high) / mass
        w = v * v + (high * at_high - low * at_low) / mass
    return (-v if diff < 0 else v), w


def _draw_narrow(lead: float, edge: float) -> tuple[float, float]:
    """Take the density between the margins as exponential: 1e-12 off at most. Without a margin, v = -lead and w = 1."""
    k = lead * edge
    if k < 0.01:  # noqa: PLR2004 - where the closed forms lose digits and two terms of their series suffice
        return -lead + edge * k * (1 / 3 - k * k / 45), 1 - edge * edge * (1 / 3 - k * k / 15)
    bend = 1 / k / k - (1 / sinh(k) ** 2 if k < 300 else 0.0)  # noqa: PLR2004 - sinh overflows at 710
    return -lead + edge * (1 / tanh(k) - 1 / k), 1 - edge * edge * bend


def _draw_tail(lead: float, edge: float) -> tuple[float, float]:
    """Divide both ends by the density at the nearer one, which underflows."""
    y = lead - edge
    near, far = _excess(y), _excess(y + 2 * edge)
    gap = -expm1(-2 * edge * lead)  # 1 - the ratio of the densities
    ratio = 1 - gap
    mass = 1 / (y + near) - ratio / (y + 2 * edge + far)
    v = -gap / mass
    over = ratio * (far + 2 * edge) / (y + 2 * edge + far) - near / (y + near)  # (v + y) * mass, without cancellation
    return v, v * over / mass + 2 * edge * ratio / mass
