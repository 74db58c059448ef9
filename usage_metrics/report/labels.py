"""What the page calls the values that the database holds."""

UNKNOWN = "Unknown"
OTHERS = "All others"
"""The last row of a table: the sum of the names that it does not list."""

CLASSES = {
    "human": "Human",
    "machine": "Machine",
    "robot": "Robot",
    "internal": "Our own",
    "unknown": UNKNOWN,
}
"""Classes of agents, in the order in which the page shows them."""

NEVER_COUNTED = ("robot", "internal")
"""The classes whose requests are never use."""

DATASETS = {
    "none": "(no dataset: start page, style sheets)",
    "unmapped": "(no known database)",
}
"""What stands in place of a dataset when a request is about none."""

NETWORKS = {
    "education": "University or research",
    "government": "Government",
    "business": "Business",
    "residential/isp": "Internet provider",
    "hosting": "Hosting company",
    "relay": "VPN, relay or filter",
    "unknown": UNKNOWN,
}

PAGES = {
    "index": "Start page",
    "database": "Database page",
    "table": "Table",
    "row": "Row",
    "query": "Query",
    "download": "Database download",
    "static": "Style sheet, script or image",
    "internal": "Metadata and settings (/-/…)",
    "other": "Other",
}

FORMATS = {
    "html": "Web page (html)",
    "json": "JSON",
    "csv": "CSV",
    "db": "SQLite database (db)",
}

DEVICES = {
    "desktop": "Desktop or laptop",
    "phone": "Phone",
    "tablet": "Tablet",
    "television or console": "Television or console",
}

SHADES = {"few": 1, "some": 10, "many": 100, "more": 1_000, "most": 10_000}
"""The colours of the map, each with its lowest number."""

SOURCES = {
    "datasette": "Datasette",
    "web": "Web server",
    "s3": "Amazon S3",
    "cloudfront": "Amazon CloudFront",
    "gcs": "Google Cloud Storage",
    "load_balancer": "Load balancer",
}
