"""The short form of the campaign of kills of all commands."""

import random
from pathlib import Path

from faults.commands import STEPS, WAYS, Campaign


def test_any_command_that_is_killed_and_run_again_leaves_what_it_leaves_undisturbed(
    tmp_path: Path,
) -> None:
    chance = random.Random()
    first, *others = STEPS
    campaign = Campaign(
        tmp_path, 1, 20, chance, (first, chance.choice(others)), (chance.choice(WAYS),)
    )
    campaign.run(1)
    assert campaign.faults == []
    assert campaign.kills.total() >= 1
