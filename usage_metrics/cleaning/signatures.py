"""Takes out of URLs what proves to a service who may see something.

Who has a signed URL can use it until it expires, and keys name accounts. The names of
the parameters stay: they say that a request was signed, and how.
"""

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.arrow import STRING

SECRETS = (
    *("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"),
    *("AWSAccessKeyId", "Signature", "Key-Pair-Id", "Policy"),
    *("X-Goog-Signature", "X-Goog-Credential", "GoogleAccessId", "upload_id"),
    *("sig", "access_token", "id_token", "token", "api_key", "apikey", "password"),
)
"""Parameters of Amazon's, Google's and Azure's URLs and of others, in any case."""

_SECRET = (
    f'(?i)([?&;](?:{"|".join(SECRETS)})=)[^&;#\\s"]+'
    r"|([?&]key=)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)
"""Or a key that is a UUID, as a Dataverse's are."""


def without_signatures(urls: pa.Array) -> pa.Array:
    """URLs, paths with a query, or queries with their question mark, best distinct."""
    has_any = pc.match_substring_regex(urls, _SECRET)
    if not pc.any(has_any).as_py():
        return urls
    found = urls.filter(has_any)
    taken = pc.replace_substring_regex(found, _SECRET, r"\1\2").cast(STRING)
    return pc.replace_with_mask(urls, pc.fill_null(has_any, False), taken)
