"""The entry of an S3 server access log, whichever way it was delivered.

The fields have the names and the order of Amazon's documentation. A ``-``, bare or in
quotes, is a null. Lines have as many fields as the service wrote at their time: 18
before 2018, 24 to 26, 27 since 2026.
"""

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
