"""The entry of an S3 server access log, whichever way it was delivered.

The fields have the names and the order of Amazon's documentation. A ``-``, bare or in
quotes, is a null. Lines have as many fields as the service wrote at their time: 18
before 2018, 24 to 26, 27 since 2026.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usage_metrics.arrow import INTEGER, STRING, TIMESTAMP, column
from usage_metrics.logs.format import UNREADABLE
from usage_metrics.logs.line_ids import LINE_ID

FIRST = [
    column("bucket_owner", STRING, "Canonical user id of the bucket's owner"),
    column("bucket", STRING, "The bucket"),
    column("time", TIMESTAMP, "When the request was received", "UTC"),
    column("remote_ip", STRING, "Address of the client; null: none, as of a lifecycle"),
    column("requester", STRING, "Who signed the request: an account or an ARN"),
    column("request_id", STRING, "S3's id of the request; not unique in the log"),
    column("operation", STRING, "REST.GET.OBJECT and the like"),
    column("key", STRING, "The object's key as logged: percent-encoded, mostly twice"),
    column("request_uri", STRING, "Method, target and protocol of the request"),
    column("http_status", INTEGER, "HTTP status of the response"),
    column("error_code", STRING, "S3's name of the error"),
    column("bytes_sent", INTEGER, "Size of the response without headers", "bytes"),
    column("object_size", INTEGER, "Size of the whole object", "bytes"),
    column("total_time", INTEGER, "From the request to the last byte", "milliseconds"),
    column("turn_around_time", INTEGER, "Until the first byte", "milliseconds"),
    column("referer", STRING, "The page that contained the link"),
    column("user_agent", STRING, "What the client calls itself"),
    column("version_id", STRING, "The version of the object that was asked for"),
]
"""The fields that every line has."""

LATER = [
    column("host_id", STRING, "S3's second id of the request"),
    column("signature_version", STRING, "SigV2 or SigV4; null: not signed"),
    column("cipher_suite", STRING, "The cipher of the connection"),
    column("authentication_type", STRING, "AuthHeader or QueryString"),
    column("host_header", STRING, "The host that was asked"),
    column("tls_version", STRING, "Version of TLS"),
    column("access_point_arn", STRING, "The access point that was asked"),
    column("acl_required", STRING, "Yes: only an access control list allowed it"),
    column("source_region", STRING, "The region that the request came from"),
]
"""The fields that were added over the years, each behind the one before."""

FURTHER = column("further", STRING, "Fields that are new in the log, as they came")

ENTRY = pa.schema([*FIRST, *LATER, FURTHER, LINE_ID, *UNREADABLE])
"""The raw columns."""

NUMBERS = tuple(field.name for field in FIRST if field.type == INTEGER)

TIME_LENGTH = len("07/Feb/2026:00:00:01")

MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_SECONDS = 1_000_000

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


def times_of(texts: Bytes) -> tuple[Integers, Mask]:
    """Read times such as ``07/Feb/2026:00:00:01``, a row of bytes each.

    Returns:
        Microseconds since 1970 in UTC, and which of the texts are times.
    """
    whole = pa.py_buffer(np.ascontiguousarray(texts))
    type_ = pa.binary(TIME_LENGTH)
    encoded = pa.Array.from_buffers(type_, len(texts), [None, whole])
    encoded = encoded.dictionary_encode()
    distinct = np.frombuffer(encoded.dictionary.buffers()[1], dtype=np.uint8)
    distinct = distinct[: len(encoded.dictionary) * TIME_LENGTH]
    times, valid = _distinct_times(distinct.reshape(-1, TIME_LENGTH))
    codes = encoded.indices.to_numpy()
    return times[codes], valid[codes]


def _distinct_times(texts: Bytes) -> tuple[Integers, Mask]:
    digits = texts.astype(np.int64) - ord("0")

    def number(start: int, stop: int) -> Integers:
        value = digits[:, start]
        for place in range(start + 1, stop):
            value = value * 10 + digits[:, place]
        return value

    valid = np.ones(len(texts), dtype=bool)
    for place in (0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19):
        valid &= (digits[:, place] >= 0) & (digits[:, place] <= 9)
    for place, mark in {2: "/", 6: "/", 11: ":", 14: ":", 17: ":"}.items():
        valid &= texts[:, place] == ord(mark)
    month = _month_of(texts[:, 3:6])
    valid &= month >= 0
    day, year = number(0, 2), number(7, 11)
    hour, minute, second = number(12, 14), number(15, 17), number(18, 20)
    valid &= (hour < 24) & (minute < 60) & (second < 60) & (day > 0) & (year > 0)
    months = (year - 1970) * 12 + month
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[M]").astype("datetime64[D]")
    valid &= first + day <= following.astype(np.int64)
    seconds = (first + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second
    return np.where(valid, seconds * _SECONDS, 0), valid


def _month_of(names: Bytes) -> Integers:
    """The number of each month from 0; -1 if it is none."""
    codes = names.astype(np.int64) @ [1 << 16, 1 << 8, 1]
    found = np.full(len(codes), -1, dtype=np.int64)
    for number, name in enumerate(MONTHS):
        found[codes == int.from_bytes(name.encode())] = number
    return found
