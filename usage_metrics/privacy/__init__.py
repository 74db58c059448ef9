"""Addresses are personal data: what is kept of them, and how they are taken out.

:mod:`~usage_metrics.privacy.anonymization` says what becomes of the addresses of a day
after they were located; :mod:`~usage_metrics.addresses.redaction` finds addresses in
texts, however they are written.
"""
