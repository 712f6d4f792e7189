"""The scheduling, simulated: it neither bursts nor starves a store, and more machines help."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from bigcommerce_integration.config import Config

from .command import main, simulated
from .fleet import Costs, Fleet, Result

INTERVAL_S = 60.0
DEAR = Costs(refresh_s=0.050, request_s=0.010)
CONFIG = Config(encryption_keys=("unused",), sync_interval_s=INTERVAL_S)


@pytest.fixture(autouse=True)
def chance_as_before() -> object:
    state = random.getstate()
    yield
    random.setstate(state)


def crowded(machines: int) -> Result:
    """More than one machine can do."""
    return simulated(1000, machines, config=CONFIG, seed=1, minutes=3, costs=DEAR)


@pytest.mark.ci
def test_lateness_falls_with_machines() -> None:
    one, two, four = (crowded(machines) for machines in (1, 2, 4))
    assert one.late(0.95) > two.late(0.95) > four.late(0.95)
    assert one.done < two.done
    assert four.late(0.95) <= CONFIG.tick_s + 2


def test_same_seed_gives_the_same_result() -> None:
    first, again, other = (simulated(50, 2, config=CONFIG, seed=seed, minutes=2) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_store_waits_for_ever_where_there_are_too_many() -> None:
    one = crowded(1)
    demand = 2000 / INTERVAL_S
    done = one.done / 180
    assert done < demand, "there are too many"
    mean_gap_s = 180 / (sum(1 for _ in one.late_s) / 2000)
    assert one.longest_gap_s < 4 * mean_gap_s


@pytest.mark.ci
def test_process_begins_as_much_as_it_can_do() -> None:
    cheap = Costs(refresh_s=0.001, request_s=0.001, begin_s=0.0001, processes=1, threads=64)
    config = Config(encryption_keys=("unused",), sync_interval_s=20.0)
    result = simulated(1000, 1, config=config, seed=1, minutes=2, costs=cheap)
    assert result.late(0.95) <= config.tick_s + 2, "a hundred a second are due, of which a tick begins all"


def after_an_outage(stores: int = 300) -> tuple[Fleet, Result]:
    """Of ten intervals, watched from its end."""
    random.seed(1)
    begin, end = INTERVAL_S, 11 * INTERVAL_S
    fleet = Fleet(stores, 4, config=CONFIG, from_s=end, away=(begin, end))
    return fleet, fleet.run(end + 4 * INTERVAL_S)


def test_due_times_after_an_outage_come_in_no_burst() -> None:
    _, result = after_an_outage()
    later = [each for each in result.due_times if each > 11 * INTERVAL_S]
    a_second = Counter(int(each) for each in later)
    assert len(later) > 1500
    assert max(a_second.values()) < 0.2 * 600, "of 600 collections"


def test_what_an_outage_has_left_out_is_done_once() -> None:
    fleet, _ = after_an_outage()
    after = [[each for each in lease.begun_at if each >= 11 * INTERVAL_S] for lease in fleet.queues.leases]
    gaps = [later - before for times in after for before, later in pairwise(times)]
    assert len(gaps) > 1500
    assert min(gaps) > 0.5 * INTERVAL_S


def test_store_s_other_apps_keep_their_quota() -> None:
    random.seed(1)
    fleet = Fleet(50, 1, config=CONFIG)
    for shop in fleet.queues.shops:
        shop.is_crowded = True
    result = fleet.run(600)
    asked = sum(len(shop.quota.accepted) for shop in fleet.queues.shops)
    assert result.done > 500
    assert result.refused < 0.05 * asked


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--stores", "5", "--machines", "1", "2", "--minutes", "1", "--interval-s", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:-1]] == [["5", "1"], ["5", "2"]]
