"""Access logs of web servers: nginx, Apache, Caddy, Traefik, or JSON of any making.

Start with :mod:`~usage_metrics.logs.web.schema`, the columns, and
:mod:`~usage_metrics.logs.web.presets`, which makes a format of what stands in the
settings. A format of lines is a string of the server's configuration, read by
:mod:`~usage_metrics.logs.web.format_string`. What a line means is defined by
:mod:`~usage_metrics.logs.web.rule`; :mod:`~usage_metrics.logs.web.fast_path` reads many
at once and must agree.
"""
