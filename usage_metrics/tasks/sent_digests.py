"""What was sent of a month's digest, to whom, and what came of it.

That something is going to be sent is written first, and what came of it afterwards. A
chat or a mail server cannot be asked what it has; so what was begun and did not end, is
not sent again unless a person says so.
"""

import datetime as dt
import json
from dataclasses import asdict, dataclass

from usage_metrics.dates import utc_now
from usage_metrics.errors import StorageError
from usage_metrics.tasks.digest_files import digest_folder
from usage_metrics.tasks.text_file import TextFile

SENDING, SENT, REFUSED, UNKNOWN = "sending", "sent", "refused", "unknown"
"""``sending`` is left by a program that died; ``unknown`` has been told of it."""


@dataclass(frozen=True)
class Sent:
    """What is known of a digest that was sent, or was to be."""

    state: str
    at: str
    why: str = ""
    """Why it was not taken, or why nobody knows."""


class SentDigest:
    """The digest of a month, to a chat or by e-mail."""

    def __init__(self, month: dt.date, to: str) -> None:
        """Name the file."""
        name = f"{month:%Y-%m}-{to}.json"
        # Why an e-mail was not taken, a server says in its own words.
        self._file = TextFile(f"{digest_folder()}/sent/{name}", private=True)

    def read(self) -> Sent | None:
        """What is known; None if nothing was ever sent.

        Raises:
            StorageError: if the record cannot be read.
        """
        if (text := self._file.read()) is None:
            return None
        try:
            return Sent(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise StorageError(
                f"{self._file.path}, the record of a digest that was sent, cannot be "
                f"read: {error}; restore it from a backup, or delete it to have the "
                "digest sent again"
            ) from error

    def write(self, state: str, why: str = "") -> None:
        """Keep what is known from now on."""
        at = utc_now().isoformat(timespec="seconds")
        text = json.dumps(asdict(Sent(state, at, why)), indent=2, ensure_ascii=False)
        self._file.write(f"{text}\n")
