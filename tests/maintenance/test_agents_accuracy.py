"""The command that measures the rules on labelled user agents."""

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from usage_metrics.errors import InputError
from usage_metrics.maintenance.agents_accuracy import main

LABELLED = """ua\tsource\tclass
curl/8.10.1\ttools\tmachine
"quoted" Spider/1\tcrowd\trobot
Foo/1.0\tcrowd\trobot
"""


def test_it_prints_a_confusion_matrix_for_each_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents.tsv").write_text(LABELLED)

    main([str(tmp_path)])

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == (
        ["rows", "human", "machine", "robot", "internal", "unknown", "class", "source"]
    )
    assert ["1", "0.00%", "100.00%", "0.00%", "0.00%", "0.00%", "machine", "tools"] in (
        lines
    )
    assert ["2", "0.00%", "0.00%", "50.00%", "0.00%", "50.00%", "robot", "crowd"] in (
        lines
    )


def test_it_says_how_far_a_list_of_hosting_companies_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents.tsv").write_text(LABELLED)
    hosting = tmp_path / "hosting.txt"
    hosting.write_text("AS16509 # Amazon\nAS64496 # Example\nAS64497 # Nameless\n")
    database = tmp_path / "networks.mmdb"
    writer = MMDBWriter()
    for network, asn, name in (
        ("192.0.2.0/24", "AS16509", "Amazon.com, Inc."),
        ("198.51.100.0/24", "AS64496", "Example Ltd"),
    ):
        writer.insert_network(IPSet([network]), {"asn": asn, "as_name": name})
    writer.to_db_file(str(database))

    main([str(tmp_path), "--hosting", str(hosting), "--database", str(database)])

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("of 3 AS numbers")
    assert last.endswith("2 have a name: hosting 1, unknown 1")


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*\.tsv"):
        main([str(tmp_path)])


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agents.tsv").write_text("agent\tclass\n")

    with pytest.raises(InputError, match="needs the columns ua, source and class"):
        main([str(tmp_path)])
