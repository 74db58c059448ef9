"""The pages of single datasets, beside the one on all: names, and what each says.

They are written where all datasets do not fit on one page.
"""

import hashlib
import re
from collections.abc import Iterable

import numpy as np

from usage_metrics.addresses.redaction import anonymous
from usage_metrics.report.publisher import Publisher
from usage_metrics.report.recipe import recipe

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_WITH_DIGEST = re.compile(r".*-[0-9a-f]{16}")
_LONGEST = 60


def file_name(dataset: str) -> str:
    """The name of a dataset's file: the id or, where that is no safe name, like it.

    No two ids have the same, also where capitals are small letters. An address is in
    none: erasing one rewrites files but does not rename them.
    """
    shown = anonymous(dataset)
    is_plain = _PLAIN.fullmatch(dataset) and not _WITH_DIGEST.fullmatch(dataset)
    if is_plain and shown == dataset:
        return f"{dataset}.html"
    digest = hashlib.blake2b(dataset.encode(errors="surrogatepass"), digest_size=8)
    like = re.sub(r"[^a-z0-9]+", "-", shown.lower())[:_LONGEST].strip("-")
    return f"{like or 'dataset'}-{digest.hexdigest()}.html"


def paths(datasets: Iterable[str], folder: str) -> dict[str, str]:
    """The path of each dataset's page from the page on all."""
    return {dataset: f"{folder}/{file_name(dataset)}" for dataset in datasets}


def made_from(alone: Publisher) -> str:
    """A digest of what the page of a dataset says."""
    digest = hashlib.blake2b(recipe().encode(), digest_size=16)
    facts = (
        *(alone.title, alone.span, alone.is_public, alone.index, alone.releases),
        *(
            (place.name, place.title, place.days, place.report)
            for place in alone.places
        ),
    )
    digest.update(repr(facts).encode(errors="surrogatepass"))
    for line in alone.lines:
        digest.update(f"{line.id} {line.is_shared}".encode(errors="surrogatepass"))
        for numbers in (line.added, line.level, line.days):
            digest.update(b"" if numbers is None else np.asarray(numbers).tobytes())
        digest.update(repr(None if line.quality is None else [*line.quality]).encode())
    return digest.hexdigest()
