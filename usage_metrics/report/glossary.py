"""What each figure of the report is, exactly."""

from usage_metrics.counting.breakdowns import PATHS_A_DAY
from usage_metrics.counting.clicks import WINDOW
from usage_metrics.counting.concentration import CONCENTRATED

SECONDS = WINDOW // 1_000_000

GLOSSARY = (
    (
        "Request",
        "One entry of the request log of the site, whoever made it and whatever came "
        "of it: pages, data, style sheets, failures. Entries that the log has twice "
        "are one. Days are UTC days.",
    ),
    (
        "Counted use",
        "A request that counts by the rules of the COUNTER Code of Practice for "
        "Research Data: about a dataset, answered with success (status 200 or 304; of "
        "range reads, 206, one a session), by GET or POST, neither a robot's nor our "
        "own. Of a visitor's requests for one URL that follow each other within "
        f"{SECONDS} seconds, only the last counts. COUNTER calls it an investigation.",
    ),
    (
        "Human",
        "The user agent is that of a web browser or an app. Anyone can claim to be "
        "one; those that come from a hosting company are marked suspect in the "
        "database, and are counted.",
    ),
    (
        "Machine",
        "The user agent is that of a script, a library or a data client which a person "
        "runs, such as curl, pandas or DuckDB. COUNTER counts it as use by machines.",
    ),
    (
        "Robot",
        "The user agent is on a list of crawlers, scanners or monitors. The lists and "
        "their versions stand above. Robots never count.",
    ),
    ("Our own", "Our monitors and checkers, by their names or addresses."),
    (
        "Unknown",
        "Everyone whose user agent is on no list and says nothing, or was not sent.",
    ),
    (
        "Session",
        "A visitor in an hour of a UTC day. It ends with the hour, so sessions may be "
        "added up over days, and since it has one class, over classes. Over datasets "
        "they may not be: one session may see several.",
    ),
    (
        "Visitors a day",
        "Different pairs of address and user agent on a day, and of these the average "
        "over those days of which there are figures. Visitors are told apart by a "
        "number that is drawn for each day and then forgotten. So nobody, we "
        "included, can tell who came again on another day, and there is no number of "
        "different visitors of a week, a month or a year.",
    ),
    (
        "Data sent",
        "The sizes of all responses with their headers, as the log says them: "
        "1 GB is a billion bytes.",
    ),
    ("Failed requests", "The share of responses with a status from 400 on."),
    (
        "Change",
        "The average day of the chosen dates against the average day of as many "
        "periods just before, if there are figures of at least half of their days. "
        "Where the data begin with the chosen dates, their last half is compared with "
        "the half before. Days without data are in neither average. Of failed requests "
        "the shares are compared.",
    ),
    (
        "Organisation",
        "Who routes the address, by the number of the autonomous system (AS): a "
        "university, a company, an internet provider, a cloud. It is not always who "
        "the visitor works for. In the headline, different ones with at least one "
        "counted use.",
    ),
    (
        "University or research, government, business, internet provider, hosting",
        "What an organisation is, from its AS number and name, by a list and rules. "
        "Not known are those that neither says anything about.",
    ),
    (
        "With which program",
        "What the user agent calls itself: a browser, a library, a crawler. Of each "
        "day the programs with most requests are named; the rest is not known.",
    ),
    (
        "Country, city",
        "Where the address database says that the address is; for large networks this "
        "is often their seat.",
    ),
    (
        "Where visitors come from",
        "The site of the page that a link was on, as the browser says, without www. "
        "Most requests name none: typed addresses, bookmarks, scripts, sites that do "
        "not tell. This site are links from one of its pages to another.",
    ),
    (
        "New and returning organisations",
        "Of the organisations with at least one counted use in a period: new is one "
        "for which the database has no counted use in any earlier period, also before "
        "the days of this report; all others return. It is about networks and not "
        "about people, and only as far back as the database goes. For a dataset or a "
        "class chosen, it is the first use of that dataset, or by that class.",
    ),
    (
        "Concentration",
        "The share of the organisation with most requests. What is left without it "
        "stands beside every figure. A day is concentrated when one organisation, or "
        f"one address, made more than {CONCENTRATED:.0%} of its requests.",
    ),
    (
        "Top paths",
        "The path of the URL without its query. Of each day the "
        f"{PATHS_A_DAY:,} paths with most requests are named; the rest is in "
        "All others.",
    ),
    (
        "All others",
        "What is beyond the names that a table shows, and those beyond the names that "
        "the page has room for. Shares are of everything, the others included.",
    ),
    (
        "Rejected",
        "Lines of the log that could not be understood. They are kept apart with the "
        "reason, and counted nowhere.",
    ),
)
"""Each term with its definition, in the order of the report."""
