"""The short form of the campaign of kills; docs say how to run the long one."""

import random
from pathlib import Path

from faults.kills import WAYS, Campaign


def test_killed_at_any_moment_and_run_again_it_leaves_what_one_run_would_have_left(
    tmp_path: Path,
) -> None:
    campaign = Campaign(tmp_path, 3, 40, random.Random(), pause=2)
    tally = campaign.run(2)
    assert tally.faults == [], tally
    assert tally.kills.total() == 2
    assert set(tally.ways) <= set(WAYS)
    assert set(tally.looks) == {"pandas", "arrow", "duckdb", "sqlite"}
