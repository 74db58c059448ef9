"""Faults, made on purpose and again and again: each module is a campaign of its own.

Short forms of all are tests. The long forms:

    python -m tests.faults.kills --runs 200
    python -m tests.faults.machines
    python -m tests.faults.fuzz
"""
