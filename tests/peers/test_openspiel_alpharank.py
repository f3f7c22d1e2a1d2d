"""Alpha-Rank against OpenSpiel's, where it is installed."""

from __future__ import annotations

import random
import sys
import types

import pytest

import evalengine

pytest.importorskip("pyspiel")
numpy = pytest.importorskip("numpy")


@pytest.fixture
def peer(monkeypatch):
    """Return its module without the plots, which need packages of their own."""
    egt = pytest.importorskip("open_spiel.python.egt")
    plots = types.ModuleType("open_spiel.python.egt.alpharank_visualizer")
    monkeypatch.setitem(sys.modules, plots.__name__, plots)
    monkeypatch.setattr(egt, "alpharank_visualizer", plots, raising=False)
    return pytest.importorskip("open_spiel.python.egt.alpharank")


@pytest.mark.parametrize("n", [2, 3, 5, 14])
@pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("zero_sum", [False, True])
def test_shares_equal_those_of_open_spiel(n, alpha, zero_sum, peer):
    rng = random.Random(n)
    table = numpy.array([[rng.gauss(0, 1) for _ in range(n)] for _ in range(n)])
    table = table - table.T if zero_sum else table
    expected = peer.compute([table], m=20, alpha=alpha)[2]
    assert evalengine.alpharank(table.tolist(), 20, alpha) == pytest.approx(list(expected), abs=1e-9)
