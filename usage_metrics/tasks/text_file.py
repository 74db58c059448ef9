"""A text file beside the partitions, as the target of a task."""

from dataclasses import dataclass

import luigi

from usage_metrics.partitions import storage


@dataclass(frozen=True)
class TextFile(luigi.Target):
    """A file of text under the root: local or in an object store."""

    path: str
    private: bool = False
    """Whether only those whom ``[privacy] readable_by`` names may read it."""

    def exists(self) -> bool:
        """Whether the file exists."""
        return self.read(1) is not None

    def read(self, most_bytes: int | None = None) -> str | None:
        """The text or, of a long one, its beginning; None if there is no file."""
        try:
            return storage.read_file(self.path, most_bytes).decode(errors="replace")
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """Replace the file, whole, when all is written.

        Raises:
            StorageError: if the place cannot be written to.
        """
        with (
            storage.naming_unwritable(self.path),
            storage.whole_or_absent(self.path, private=self.private) as stream,
        ):
            stream.write(text.encode())
