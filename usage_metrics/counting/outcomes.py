"""What becomes of a request when it is counted."""

COUNTED = "counted"
OUTCOMES = {
    "status": "the status was not 200, 206 or 304",
    "method": "neither GET nor POST, such as HEAD, which retrieves no data",
    "not_data": "a page of no dataset, such as a style sheet or /-/versions",
    "unmapped": "about no dataset of the registry and no database of the site",
    "internal": "a request of our own monitors, checkers or addresses",
    "robot": "a request of a robot",
    "double_click": "the visitor requested the same URL again within 30 seconds",
    "range_repeat": "a later range read of the same object counts for the session",
    COUNTED: "the request counts",
}
"""Every outcome of a request and what it means, in the order of the decision."""

REASONS = tuple(outcome for outcome in OUTCOMES if outcome != COUNTED)
"""The reasons for not counting a request."""
