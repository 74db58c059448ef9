"""Locates addresses with MMDB files: offline and reproducible.

The default is the database in the package (country and AS number, see
:mod:`usage_metrics.maintenance.address_database`); ``[geocode] database`` names a
newer or larger file, or two if a vendor keeps places and networks apart.
:mod:`usage_metrics.geocode.layouts` knows what the vendors' records mean.

Open a provider where it is used, in a task's ``run``: the files are mapped into
memory. Locations are cached, in memory only, for the next day.
"""

import datetime as dt
import errno
import functools
import re
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import NamedTuple, Self

from usage_metrics.config import geocode
from usage_metrics.errors import ConfigError, InputError
from usage_metrics.geocode.layouts import (
    Facts,
    Layout,
    field_names,
    fill,
    find_layout,
    read_facts,
    to_location,
    unknown_country,
)
from usage_metrics.geocode.locations import Location
from usage_metrics.geocode.search_tree import DAMAGE, Numbers, SearchTree

EMBEDDED = Path(__file__).with_name("country_asn.mmdb")
"""The database in the package."""

MOST_KNOWN = 1 << 16
"""Distinct records to cache; a database of cities has more."""

MOST_LOCATED = 1 << 18
"""Addresses to cache; most of a day's addresses were there the day before."""

SAMPLE = 1000
"""Records read to recognise the layout; a record lacks the fields it does not know."""

CREDITS = (
    (
        r"ipinfo .*(lite|free)",
        "IP address data powered by IPinfo, https://ipinfo.io (CC BY-SA 4.0)",
    ),
    (r"ipinfo ", "IP address data powered by IPinfo, https://ipinfo.io"),
    (
        r"GeoLite2-",
        "This product includes GeoLite2 data created by MaxMind, available from "
        "https://www.maxmind.com",
    ),
    (r"GeoIP2-", "GeoIP2 data by MaxMind, https://www.maxmind.com"),
    (r"DBIP-", "IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0 if Lite)"),
)
"""The attribution, by the start of a database's type."""


class MMDBProvider(AbstractContextManager["MMDBProvider"]):
    """Locates addresses with one or two MMDB files; the second fills gaps."""

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        """Open the files, by default the database in the package.

        Raises:
            ConfigError: if a file is missing or cannot be opened.
            InputError: if it is not an MMDB, is damaged, or has no useful fields.
        """
        with ExitStack() as stack:
            self._databases = [
                stack.enter_context(closing(Database(path)))
                for path in paths or [EMBEDDED]
            ]
            self._open = stack.pop_all()
        self._titles = " + ".join(database.title for database in self._databases)
        files = tuple(database.identity for database in self._databases)
        self._known, self._located = _memory(files)

    @classmethod
    def from_config(cls) -> Self:
        """Open what ``[geocode] database`` names.

        Raises:
            ConfigError: if it names more than two files, or as for the constructor.
        """
        setting = geocode().database
        names = [name.strip() for name in setting.split(",") if name.strip()]
        if len(names) > 2:
            raise ConfigError(
                f"[geocode] database = {setting} names {len(names)} files; give one, "
                "or two with a comma between (places and networks)"
            )
        try:
            paths = [Path(name).expanduser() for name in names]
        except RuntimeError as error:  # ~nobody
            raise ConfigError(f"[geocode] database = {setting}: {error}") from error
        return cls(paths)

    def locate(self, addresses: Sequence[str]) -> list[Location | None]:
        """Locate public addresses, given in canonical text.

        Raises:
            InputError: if a database turns out to be damaged.
        """
        known = self._located
        new = [address for address in addresses if address not in known]
        if len(known) + len(new) > MOST_LOCATED:
            known.clear()
            new = list(addresses)
        columns = [database.find(new).tolist() for database in self._databases]
        found = map(self._location, zip(*columns, strict=True))
        known.update(zip(new, found, strict=True))
        answers: list[Location | None] = list(map(known.__getitem__, addresses))
        if len(known) > MOST_LOCATED:  # of this day alone
            known.clear()
        return answers

    def facts(self) -> dict[str, str]:
        """Provider, databases and attribution, for the file footer."""
        sources = dict.fromkeys(database.credit for database in self._databases)
        return {
            "provider": "mmdb",
            "database": self._titles,
            "attribution": "; ".join(filter(None, sources)),
        }

    def close(self) -> None:
        """Close the files."""
        self._open.close()

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def _location(self, numbers: tuple[int, ...]) -> Location:
        """The location that the records of these numbers say together."""
        location = self._known.get(numbers)
        if location is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            pairs = zip(numbers, self._databases, strict=True)
            facts = (database.facts(number) for number, database in pairs)
            location = to_location(
                functools.reduce(fill, facts), f"mmdb {self._titles}"
            )
            self._known[numbers] = location
        return location


class Database:
    """An open MMDB file and its metadata; an InputError says that it is damaged."""

    def __init__(self, path: Path) -> None:
        """Open the file and recognise its layout.

        Raises:
            ConfigError: if it is missing or cannot be opened.
            InputError: if it is not an MMDB, or has no useful fields.
        """
        self._name = f"[geocode] database: the file {path}"
        with ExitStack() as stack:
            try:
                status = path.stat()
                if stat.S_ISFIFO(status.st_mode):
                    raise OSError(errno.EINVAL, "Is a FIFO")
                self.identity = Identity(path, status.st_mtime_ns, status.st_size)
                self._tree = stack.enter_context(closing(SearchTree(path)))
                about = self._tree.metadata
                self.title = (
                    f"{short_name(about.database_type)} {build_date(about.build_epoch)}"
                )
                self.credit = credit(about.database_type, about.description)
                fields = survey(self.identity)
            except OSError as error:
                raise ConfigError(
                    f"{self._name} cannot be opened ({error.strerror}); name an MMDB "
                    "file, or leave the setting empty for the one in the package"
                ) from error
            except DAMAGE as error:
                raise self._damaged(error) from error
            self._layout = self._recognise(about.database_type, fields)
            self._open = stack.pop_all()

    def find(self, addresses: Sequence[str]) -> Numbers:
        """The number of the record of each address, for :meth:`facts`."""
        try:
            return self._tree.find(addresses)
        except DAMAGE as error:
            raise self._damaged(error) from error

    def facts(self, number: int) -> Facts:
        """What the record of a number says."""
        try:
            return read_facts(self._tree.record(number), self._layout)
        except DAMAGE as error:
            raise self._damaged(error) from error

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def _recognise(self, database_type: str, fields: set[str]) -> Layout:
        layout = find_layout(fields)
        if layout is None:
            raise InputError(
                f"{self._name} is of the type {database_type!r}, which has neither "
                f"country nor network but {', '.join(sorted(fields)) or 'nothing'}; "
                "name one such as IPinfo Lite, GeoLite2 City or GeoLite2 ASN"
            )
        if field := unknown_country(fields, layout):
            raise InputError(
                f"{self._name} is of the type {database_type!r}, which has the country "
                f"in a field that is not known, {field!r}; name one with country or "
                "country_code, such as IPinfo Lite or GeoLite2 Country"
            )
        return layout

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"{self._name} is damaged or no MMDB file ({error}); get it again, "
            "and unpack it if it is an archive"
        )


class Identity(NamedTuple):
    """The state of a file: what is cached about it is valid until it changes."""

    path: Path
    modified: int
    size: int


@functools.lru_cache(maxsize=8)
def _memory(
    _files: tuple[Identity, ...],
) -> tuple[dict[tuple[int, ...], Location], dict[str, Location]]:
    """The caches by record and by address, shared by all days with these files."""
    return {}, {}


@functools.lru_cache(maxsize=8)
def survey(file: Identity) -> set[str]:
    """The fields of a database's records; read once per file and process."""
    with closing(SearchTree(file.path)) as tree:
        return field_names(tree.sample(SAMPLE))


def short_name(database_type: str) -> str:
    """The name that people use: the last word of ``ipinfo country_asn.mmdb``.

    DB-IP appends in brackets which other vendor's file it can replace.
    """
    words = re.sub(r"\(.*?\)", "", database_type).split() or ["unnamed"]
    return words[-1].removesuffix(".mmdb")


def build_date(build_epoch: int) -> str:
    """The day on which a database was built."""
    try:
        return dt.datetime.fromtimestamp(build_epoch, dt.UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "of unknown date"


def credit(database_type: str, description: dict[str, str]) -> str:
    """The attribution; of an unknown vendor, the database's own description."""
    for start, text in CREDITS:
        if re.match(start, database_type):
            return text
    return str(description.get("en", ""))
