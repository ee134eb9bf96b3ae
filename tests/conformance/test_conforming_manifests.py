"""The manifests that an engine gets."""

from __future__ import annotations

import json

import pytest

from places import Place


@pytest.mark.shows("`limit:`, `request:` of devices")
def test_a_requested_device_is_never_ignored(place: Place) -> None:
    place.notebook(("step:train limit:nvidia.com/gpu:999", "x = 1"))
    assert place.answer_to_request("nvidia.com/gpu") in ("999", "refused")


@pytest.mark.shows("manifests")
def test_the_manifests_of_500_steps_are_small_enough_for_a_cluster(place: Place) -> None:
    steps = [(f"step:s{number} prev:s{number - 1}", f"x{number} = 1") for number in range(1, 500)]
    place.notebook(("step:s0 retry:1 timeout:60s", "x0 = 1"), *steps)
    for manifest in place.manifests():
        assert len(json.dumps(manifest)) < 256 * 1024


@pytest.mark.shows("manifests")
def test_manifests_are_deterministic_and_contain_no_code(place: Place) -> None:
    place.notebook(("step:one", "told = 'not for the cluster'"), ("step:two prev:one", "told"))
    first = place.manifests()
    assert place.manifests() == first
    assert "not for the cluster" not in json.dumps(first)
