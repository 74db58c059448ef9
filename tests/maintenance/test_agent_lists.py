"""The command that says what other versions of the lists of robots would change."""

import json
from pathlib import Path

import pytest

from usage_metrics.errors import InputError
from usage_metrics.maintenance.agent_lists import main

AGENTS = """ua\tsource\tclass
Newthing/1.0\tcrowd\trobot
Mozilla/5.0 (compatible; Googlebot/2.1)\tcrowd\trobot
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A version of crawler-user-agents with a new robot, and a phone's build."""
    folder = tmp_path / "newer"
    package = folder / "crawleruseragents"
    package.mkdir(parents=True)
    patterns = [r"Googlebot\/", "Newthing", r"UP1A\.231005"]
    entries = [{"pattern": pattern, "instances": []} for pattern in patterns]
    data = json.dumps(entries)
    (package / "__init__.py").write_text(f"CRAWLER_USER_AGENTS_DATA = {data}\n")
    about = folder / "crawler_user_agents-9.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: crawler-user-agents\nVersion: 9.9\n")
    return folder


def test_it_says_who_would_get_another_class_and_which_patterns_match_people(
    newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "some.tsv").write_text(AGENTS)

    main([str(newer), str(tmp_path / "agents")])

    lines = capsys.readouterr().out.splitlines()
    (said,) = [line for line in lines if line.startswith("crawler-user-agents ")]
    assert " -> 9.9: " in said
    assert said.endswith(" patterns fewer, 2 more")
    (person,) = [line for line in lines if line.startswith("  a person's: ")]
    assert person.startswith("  a person's: UP1A\\.231005 matches ")
    assert (
        "unknown -> robot: Newthing/1.0  (crawler-user-agents 9.9: Newthing)" in lines
    )
    assert not [line for line in lines if ": Mozilla/5.0 (compatible; Goog" in line]
    assert [line for line in lines if line.startswith("crawlerdetect ")] == [
        "crawlerdetect 0.4.2 -> 0.4.2: 0 patterns fewer, 0 more"
    ]


def test_a_folder_without_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no package"):
        main([str(tmp_path)])
