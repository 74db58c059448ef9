"""Lines of S3's logs, counted with GoAccess, and every difference explained."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from usage_metrics.logs.s3.access_log import S3_ACCESS_LOG

OWNER = "8787a3c41bf7ce0d54359d9348ad5b08e16bd5bb8ae5aa4e1508b435773a066e"
LINE = (
    OWNER + " b [07/Feb/2026:00:00:{second:02} +0000] 192.0.2.{second} - A{second} "
    'REST.GET.OBJECT k "GET /{key} HTTP/1.1" {status} - {sent} 1000 5 4 "-" "{agent}" '
    "- h= - - - b.s3.amazonaws.com TLSv1.3 - -"
)
PLAIN = [
    LINE.format(second=second, key=f"k{second}", status=status, sent=sent, agent=agent)
    for second, (status, sent, agent) in enumerate(
        [(200, 1000, "curl/8.5.0"), (206, 10, "Wget/1.21"), (404, 272, 'a"b')] * 6, 1
    )
]
QUOTED = LINE.format(second=30, key='"', status=403, sent=243, agent="curl/8.5.0")
COPY = (
    f"{OWNER} b [07/Feb/2026:00:00:31 +0000] 192.0.2.31 - A31 REST.COPY.OBJECT_GET k "
    "- - - - 1000 - - - - - h= SigV4 - AuthHeader b.s3.amazonaws.com TLSv1.3"
)
TORN = f"{OWNER} b [07/Feb/2026:00:00:32 +0000] 192.0.2.32 arn:aws:ia{PLAIN[0]}"


@pytest.mark.skipif(not shutil.which("goaccess"), reason="goaccess is not installed")
def test_goaccess_finds_the_same_but_for_lines_that_it_reads_otherwise(
    tmp_path: Path,
) -> None:
    log, report = tmp_path / "log", tmp_path / "report.json"
    log.write_text("\n".join([*PLAIN, QUOTED, COPY, TORN]) + "\n")
    command = [
        "goaccess",
        str(log),
        "--no-global-config",
        "--log-format=AWSS3",
        "-o",
        str(report),
    ]
    subprocess.run(command, check=True, capture_output=True)
    theirs = json.loads(report.read_text())
    blocks = S3_ACCESS_LOG.blocks(pa.OSFile(str(log)), "log")
    ours = pa.concat_tables([S3_ACCESS_LOG.read(block) for block in blocks]).to_pylist()
    entries = [row for row in ours if row["unreadable"] is None]
    # A quote ends the request to GoAccess, and a copy has none: it reads neither. The
    # torn line it takes for the first entry with the numbers of the second.
    assert [row["request_id"] for row in entries[len(PLAIN) :]] == ["A30", "A31"]
    assert theirs["general"]["valid_requests"] == len(PLAIN) + 1
    assert theirs["general"]["failed_requests"] == 2
    statuses = Counter(str(row["http_status"]) for row in entries[: len(PLAIN)])
    assert Counter(
        {
            item["data"][:3]: item["hits"]["count"]
            for group in theirs["status_codes"]["data"]
            for item in group["items"]
        }
    ) == statuses + Counter(["200"])
    sent = sum(row["bytes_sent"] for row in entries[: len(PLAIN)])
    assert theirs["general"]["bandwidth"] == sent + 1000
