"""Locates the addresses in a day's requests: city, country, network.

:mod:`~usage_metrics.geocode.locate` opens the provider that ``[geocode] provider``
names and locates a column. There are two providers: :mod:`~usage_metrics.geocode.mmdb`
reads database files, offline; :mod:`~usage_metrics.geocode.ipinfo` asks the service at
ipinfo.io and caches every answer.
"""
