"""Addresses are personal data: what is kept of them, and how they are removed.

:mod:`~usage_metrics.privacy.anonymization` decides what remains of addresses once they
are located. :mod:`~usage_metrics.privacy.erasure` removes chosen addresses from
everything that was written, and :mod:`~usage_metrics.privacy.retention` removes what
is older than the settings allow.
"""
