"""Three municipalities for the demonstration. The people in them are invented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    subdomain: str
    name: str
    state: str
    council: tuple[str, ...]
    streets: tuple[str, ...]
    landmarks: tuple[str, ...]


PLACES = (
    Place(
        "alameda.ca",
        "Alameda",
        "CA",
        ("Okafor", "Lindqvist", "Marchetti", "Tran", "Delgado"),
        ("Park Street", "Webster Street", "Encinal Avenue", "Otis Drive", "Buena Vista Avenue"),
        ("the Seaplane Lagoon ferry terminal", "Jean Sweeney Park", "the Bay Farm Island bridge"),
    ),
    Place(
        "ashland.or",
        "Ashland",
        "OR",
        ("Whitcomb", "Nakagawa", "Pruitt", "Sorensen", "Abara", "Castellano"),
        ("Siskiyou Boulevard", "East Main Street", "Tolman Creek Road", "Oak Street"),
        ("Lithia Park", "the Reeder Reservoir", "the Hargadine parking structure"),
    ),
    Place(
        "burlington.vt",
        "Burlington",
        "VT",
        ("Thibault", "Oyelaran", "McAllister", "Bergeron", "Haddad", "Kowalski", "Reyes"),
        ("Church Street", "Pine Street", "North Avenue", "Shelburne Street", "Colchester Avenue"),
        ("the Moran Plant", "Oakledge Park", "the Winooski River crossing"),
    ),
)
