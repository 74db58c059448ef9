"""Who is asking: a person, a script, a robot or ourselves, and from which network.

Read :mod:`~usage_metrics.agents.classifier` first: it tries the rules of ``rules.tsv``
and of other people's :mod:`~usage_metrics.agents.lists` on each user agent.
:mod:`~usage_metrics.agents.networks` classifies the network of an address.
"""
