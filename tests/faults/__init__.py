"""Fault injection: each module is a campaign.

Tests run a short form of each. The long forms:

    python -m tests.faults.kills --runs 200
    python -m tests.faults.machines
    python -m tests.faults.fuzz
"""
