"""The text and the picture of a month's digest, and where they are kept."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from usage_metrics import config
from usage_metrics.errors import StorageError, os_errors_as
from usage_metrics.partitions import storage
from usage_metrics.tasks.digest_figures import digest_of

if TYPE_CHECKING:
    from usage_metrics.report.digest_picture import Picture


@dataclass(frozen=True)
class DigestFiles:
    """What is told of a month."""

    month: dt.date
    title: str
    text: str
    picture: "Picture | None"
    """None if nothing has a number for each day."""

    def write(self, to: str = "") -> list[str]:
        """Write the text and the picture.

        Args:
            to: a folder, or a file with the name of one of the two; by default, the
                folder ``report/digest`` under the root.

        Returns:
            The paths of what was written.

        Raises:
            StorageError: if a file cannot be written.
        """
        png = self.picture.png if self.picture else None
        contents = {".txt": f"{self.text}\n".encode(), ".png": png}
        suffix = Path(to).suffix
        wanted = [suffix] if suffix in contents else [*contents]
        stem = to.removesuffix(suffix) if suffix in contents else self._stem(to)
        paths = []
        for ending in wanted:
            if content := contents[ending]:
                _write(stem + ending, content)
                paths.append(stem + ending)
        return paths

    def _stem(self, folder: str) -> str:
        folder = folder.rstrip("/") or digest_folder()
        return f"{folder}/{self.month:%Y-%m}"


def digest_folder() -> str:
    """Where digests are kept, and what was sent of them."""
    return f"{config.paths().root}/report/digest"


def make_digest(month: dt.date) -> DigestFiles:
    """Tell a month, as far as it is counted.

    Raises:
        NotYetError: if no day of it is counted.
    """
    from usage_metrics.report.digest_picture import picture_of
    from usage_metrics.report.digest_text import text_of

    digest = digest_of(month, is_public=config.digest().few == "hide")
    return DigestFiles(month, digest.title, text_of(digest), picture_of(digest))


def _write(path: str, content: bytes) -> None:
    remedy = "check [paths] root, or what --to says, and rerun"
    with (
        os_errors_as(StorageError, f"{path} cannot be written", remedy),
        storage.whole_or_absent(path, private=False) as stream,
    ):
        stream.write(content)
