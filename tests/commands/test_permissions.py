"""``doctor`` names what is open to more people than the setting says."""

import pytest
from flow import DAY, ONE_DAY, Flow
from project import Settings

from usage_metrics.commands import main
from usage_metrics.commands.permissions import too_open


def test_files_that_are_too_open_are_named_with_the_remedy(
    flow: Flow, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings("datasette", start=DAY, stop=DAY + ONE_DAY)
    flow.export_days(1)
    settings("run_log", path=flow.root / "runs.jsonl")
    main(["run"])
    assert too_open() == []
    raw, database = flow.root / "raw", flow.database
    raw.chmod(0o755)
    main(["doctor"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"chmod -R go= {raw}" in said
    assert str(database) not in said.partition("chmod")[2].partition("disk")[0]
    settings("privacy", readable_by="all")
    assert too_open() == []
    settings("privacy", readable_by="group", addresses="keep")
    database.chmod(0o644)
    assert set(too_open()) >= {raw, database}
