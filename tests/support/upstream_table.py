"""The table `sites` as CivicBand's own programs make it, without Django."""

# The columns that a host reads, and of the other 35 those that are NOT NULL
# without a default: an INSERT by Django's model can't fill them.
CREATE = """
CREATE TABLE sites (
    subdomain varchar(255) NOT NULL PRIMARY KEY,
    name varchar(255),
    state varchar(255),
    country varchar(255),
    kind varchar(255) NOT NULL,
    scraper varchar(255) NOT NULL,
    pages integer,
    start_year integer,
    status varchar(255) NOT NULL,
    last_updated varchar(255),
    current_stage varchar(255) NOT NULL,
    fetch_total integer NOT NULL,
    extraction_status varchar(255) NOT NULL
)
"""

INSERT = """
INSERT INTO sites
    (subdomain, name, state, kind, scraper, pages, status, last_updated, current_stage,
     fetch_total, extraction_status)
VALUES
    ('alameda.ca', 'Alameda', 'CA', 'city', 'legistar', 61234, 'deployed',
     '2026-01-31T12:00:00', 'done', 9, 'done'),
    ('nameless.or', NULL, NULL, 'city', 'legistar', NULL, 'new', NULL, 'fetch', 0, 'pending')
"""
