"""IP addresses as text: which are ours or public, and where they hide in longer texts.

Read :mod:`~usage_metrics.addresses.parsing` first. It reads single addresses;
:mod:`~usage_metrics.addresses.redaction` finds addresses in URLs and messages and
removes them.
"""
