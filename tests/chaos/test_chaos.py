from __future__ import annotations

from random import Random

import pytest

from tests.chaos.disorder import acts
from tests.chaos.ledger import Ledger
from tests.chaos.run import run

SECONDS = 6
SEED = 13224
COMPANIES = 2


@pytest.fixture(scope="module")
async def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return await run(tmp_path_factory.mktemp("chaos"), SECONDS, SEED, COMPANIES)


async def test_faults_and_kills_lose_nothing_double_nothing_and_leak_nothing(
    ledger: Ledger,
) -> None:
    assert ledger.breaches == []
    assert ledger.kills["portal"] >= 1
    assert ledger.kills["sandbox"] >= 1
    assert ledger.faults
    assert ledger.acknowledged
    assert ledger.statuses[200] > 5


def test_the_same_seed_brings_the_same_disorder() -> None:
    assert list(acts(Random(3), 180)) == list(acts(Random(3), 180))
    assert list(acts(Random(3), 180)) != list(acts(Random(4), 180))


@pytest.mark.parametrize("seed", range(20))
def test_every_run_kills_both_programs(seed: int) -> None:
    assert {"portal", "sandbox"} <= {what for _, what, _ in acts(Random(seed), SECONDS)}


@pytest.mark.parametrize(
    ("held", "breach"),
    [
        (["asked"], None),
        (["asked", "perhaps"], None),
        ([], "lost: asked"),
        (["asked", "asked"], "2 times: asked"),
        (["asked", "perhaps", "perhaps"], "2 times: perhaps"),
        (["asked", "somebody else's"], "nobody wrote: somebody else's"),
    ],
)
def test_what_the_crm_holds_is_compared_with_what_was_acknowledged(
    held: list[str], breach: str | None
) -> None:
    ledger = Ledger(acknowledged=["asked"], uncertain=["perhaps"])
    ledger.judge(held, dead=0)
    assert ledger.breaches == ([breach] if breach else [])


def test_a_dead_letter_is_a_breach() -> None:
    ledger = Ledger()
    ledger.judge([], dead=1)
    assert ledger.breaches == ["1 dead letters"]
