"""Every known answer of `oracles/ratings.json`, whose entries name their sources."""

from __future__ import annotations

import importlib.util

import oracles
import pytest

VALUES = [oracle for oracle in oracles.FILE["oracles"] if oracle["kind"] == "value"]


def close(found, expected, tolerance, name=""):
    """Assert that numbers lie where they are expected, whatever holds them; None is not looked at."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            close(found[key], value, tolerance, key)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            close(one, other, tolerance, name)
    elif isinstance(expected, bool):
        assert found is expected, name
    elif expected is not None:
        assert found == pytest.approx(expected, **_allowed(tolerance, name)), name


def _allowed(tolerance, name):
    if not isinstance(tolerance, dict):
        return {"abs": tolerance, "rel": 0}
    if name == "los_pct":
        return {"abs": tolerance["los_abs"], "rel": 0}
    if name in tolerance:
        return {"abs": tolerance[name], "rel": 0}
    return {"rel": tolerance["rel"], "abs": 0}


def needs(rater):
    """Skip what needs an extra that is not installed, and what this version does not have."""
    if rater.startswith("openskill") and importlib.util.find_spec("openskill") is None:
        pytest.skip("the extra openskill is not installed")


@pytest.mark.parametrize("oracle", VALUES, ids=lambda oracle: oracle["name"])
def test_the_answer_is_the_known_one(oracle):
    needs(oracle["rater"])
    close(oracles.answer(oracle["rater"], oracle["inputs"]), oracle["expected"], oracle["tolerance"])


def test_every_kind_of_known_answer_is_asked_for():
    assert {oracle["rater"] for oracle in VALUES} == set(oracles.ANSWERS)
