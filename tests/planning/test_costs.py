"""Hours and prices: arithmetic by hand, profiles of one's own, errors that help."""

from math import exp, log, sqrt
from pathlib import Path

import pytest
import yaml

from pile_builder.errors import ManifestError
from pile_builder.planning.costs import Profile, load_profile, price_of
from pile_builder.planning.estimates import Estimate

MINE = {"workers": 10, "vcpus": 4, "memory_gb": 16, "disk_gb": 100, "vcpu_hour": 0.05, "memory_gb_hour": 0.004}
MINE |= {"disk_gb_hour": 0.0001, "priced": "today", "vcpu_speed": 0.5, "busy": 0.8, "phase_minutes": 6, "spread": 1}


def test_a_price_by_hand():
    profile = Profile.model_validate(MINE)
    assert profile.worker_hour == pytest.approx(4 * 0.05 + 16 * 0.004 + 100 * 0.0001)
    cost = price_of(Estimate(160, 120, 200), phases=10, profile=profile)
    # 10 machines of 4 half-speed vCPUs, busy 0.8 of the time, do 16 core-hours an hour; ten phases start in an hour.
    assert cost.hours == Estimate(11, pytest.approx(8.5), pytest.approx(13.5))
    assert cost.price.value == pytest.approx(11 * 10 * 0.274)
    assert cost.price.low == pytest.approx(8.5 * 10 * 0.274)


def test_twice_the_workers_halve_the_work_and_not_the_start():
    profile = Profile.model_validate(MINE)
    more = profile.model_copy(update={"workers": 20})
    one, two = (price_of(Estimate.exactly(160), 10, each) for each in (profile, more))
    assert (one.hours.value, two.hours.value) == (pytest.approx(11), pytest.approx(6))
    assert two.price.value > one.price.value


def test_what_the_driver_does_alone_is_not_shared():
    profile = Profile.model_validate(MINE)
    alone = price_of(Estimate.exactly(0), 0, profile, Estimate.exactly(2))
    assert alone.hours.value == pytest.approx(2 / 0.5)


def test_the_spread_of_machines_joins_that_of_the_sample():
    profile = Profile.model_validate({**MINE, "spread": 2, "phase_minutes": 0})
    exact = price_of(Estimate.exactly(160), 10, profile)
    assert (exact.hours.low, exact.hours.high) == (pytest.approx(5), pytest.approx(20))
    both = price_of(Estimate(160, 80, 320), 10, profile)
    assert both.hours.high == pytest.approx(10 * exp(sqrt(2) * log(2)))


def test_the_reddit_job_that_others_priced():
    """PolyAI conversational-datasets, issue 42: 625.5 vCPU-hours on Dataflow came to 44 dollars in all."""
    dataflow = load_profile("dataflow")
    hours = 625.5 / dataflow.vcpus
    assert hours * dataflow.worker_hour == pytest.approx(44, rel=0.05)


def test_profiles_of_ones_own_and_errors(tmp_path: Path):
    assert load_profile("machine", workers=3).workers == 3
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(MINE))
    assert load_profile(str(file)).vcpu_hour.price == 0.05
    file.write_text("like: dataflow\nvcpu_hour: {price: 0.07, as_of: 2026-11-01, source: our contract}\n")
    mine, theirs = load_profile(str(file)), load_profile("dataflow")
    assert mine.said(mine.vcpu_hour) == "2026-11-01, our contract"
    assert mine.memory_gb_hour == theirs.memory_gb_hour
    assert mine.worker_hour == pytest.approx(theirs.worker_hour + 4 * (0.07 - 0.056))
    assert all(one.as_of for one in theirs.prices.values())
    file.write_text("like: dataflw\n")
    with pytest.raises(ManifestError, match=r"mine\.yaml: like: unknown profile 'dataflw'; did you mean 'dataflow'"):
        load_profile(str(file))
    file.write_text("like: dataflow\nvcpu_hour: {price: 1, asof: today}\n")
    with pytest.raises(ManifestError, match=r"vcpu_hour.asof: unknown key 'asof'; did you mean 'as_of'"):
        load_profile(str(file))
    file.write_text(yaml.safe_dump({**MINE, "vcpu_houre": 1}))
    with pytest.raises(ManifestError, match=r"mine.yaml: vcpu_houre: unknown key .* did you mean 'vcpu_hour'"):
        load_profile(str(file))
    with pytest.raises(ManifestError, match="did you mean 'dataflow'"):
        load_profile("datafow")
