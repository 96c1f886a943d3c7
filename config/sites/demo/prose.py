"""Sentences in the style of a city council's agendas and minutes.

Full-text search, snippets and row sizes are as with real documents.
"""

from random import Random

from config.sites.demo.places import Place

_SUBJECTS = (
    "a conditional use permit for {address}",
    "the resurfacing of {street} between {number} and {number2}",
    "an amendment to the accessory dwelling unit ordinance",
    "a lease of city property near {landmark}",
    "the purchase of two electric street sweepers",
    "a housing element progress report",
    "protected bicycle lanes on {street}",
    "the stormwater master plan for the basin around {landmark}",
    "a design review appeal concerning {address}",
    "replacement of the water main under {street}",
    "the annual audit of the general fund",
    "short-term rental enforcement",
    "a memorandum of understanding with the firefighters' association",
    "tree removal and replanting at {landmark}",
    "extended library hours and a seed library",
    "a rent stabilization study session",
)
_REMARKS = (
    "Staff presented the report and answered questions about cost, schedule and noise.",
    "Councilmember {member} asked how the change would affect seniors on fixed incomes.",
    "Councilmember {member} noted that {street} has had {small} collisions since last spring.",
    "The City Engineer estimated the work at ${amount} and completion within {small} months.",
    "A resident of {address} spoke in favor and asked for more frequent notice.",
    "A resident of {address} opposed the item, citing parking and traffic near {landmark}.",
    "The City Attorney advised that the item is exempt from environmental review.",
    "The Finance Director reported that ${amount} remains in the capital improvement fund.",
    "Discussion followed regarding grant funding and the maintenance of {landmark}.",
    "Councilmember {member} requested that staff return with options in {small} weeks.",
    "The Planning Commission recommended approval by a vote of {ayes} to {small}.",
    "Written comments were received from {number} households and entered into the record.",
)
_CONSENT = (
    "Approve the minutes of the previous regular meeting.",
    "Ratify bills in the amount of ${amount}.",
    "Authorize an agreement not to exceed ${amount} for work at {landmark}.",
    "Accept the quarterly investment report.",
    "Declare an emergency repair on {street} complete and file the notice.",
    "Award contract {contract} to the lowest responsible bidder for ${amount}.",
)


class CouncilWriter:
    """Writes pages for one municipality. The same `random` gives the same pages."""

    def __init__(self, place: Place, random: Random) -> None:
        self._place = place
        self._random = random

    def agenda_page(self, date: str, page: int) -> str:
        heading = self._heading("AGENDA", date, page)
        first = 1 + (page - 1) * 6
        consent = [
            f"{first + n}. {self._fill(line)}" for n, line in enumerate(self._some(_CONSENT, 3))
        ]
        items = [
            f"{first + 3 + n}. Consider {self._subject()}. Recommendation: {self._verb()} the item."
            f" Fiscal impact: ${self._amount()}."
            for n in range(3)
        ]
        return "\n".join([heading, "CONSENT CALENDAR", *consent, "REGULAR ITEMS", *items])

    def minutes_page(self, date: str, page: int) -> str:
        parts = [self._heading("MINUTES", date, page)]
        if page == 1:
            parts.append(self._opening())
        parts += [self._item(3 * (page - 1) + n) for n in range(1, 4)]
        return "\n\n".join(parts)

    def _heading(self, kind: str, date: str, page: int) -> str:
        return f"CITY OF {self._place.name.upper()}\nREGULAR MEETING {kind}\n{date}, page {page}"

    def _opening(self) -> str:
        mayor, *others = self._place.council
        return (
            f"Mayor {mayor} called the meeting to order at 7:0{self._random.randint(0, 9)} p.m. "
            f"ROLL CALL: Present: Councilmembers {', '.join(others)} and Mayor {mayor}. "
            "Absent: None."
        )

    def _item(self, number: int) -> str:
        remarks = " ".join(self._fill(remark) for remark in self._some(_REMARKS, 4))
        mover, seconder = self._random.sample(self._place.council, 2)
        subject, vote = self._subject(), self._vote({mover, seconder})
        return (
            f"{number}. {subject[0].upper()}{subject[1:]}. {remarks} MOTION: Councilmember {mover} "
            f"moved to {self._verb()} the item. Councilmember {seconder} seconded. {vote}"
        )

    def _vote(self, movers: set[str]) -> str:
        members = self._place.council
        free = [member for member in members if member not in movers]
        noes = self._random.sample(free, self._random.choice((0, 0, 0, 1, 1, 2)))
        ayes = [member for member in members if member not in noes]
        against = ", ".join(noes) or "None"
        return (
            f"The motion carried by the following roll call vote: Ayes: {', '.join(ayes)} "
            f"({len(ayes)}). Noes: {against} ({len(noes)}). Absent: None."
        )

    def _subject(self) -> str:
        return self._fill(self._random.choice(_SUBJECTS))

    def _verb(self) -> str:
        return self._random.choice(("approve", "adopt", "continue", "introduce", "accept"))

    def _amount(self) -> str:
        return f"{self._random.randint(4, 4800) * 500:,}"

    def _some(self, lines: tuple[str, ...], count: int) -> list[str]:
        return self._random.sample(lines, count)

    def _fill(self, sentence: str) -> str:
        random, place = self._random, self._place
        number, street = random.randint(100, 2900), random.choice(place.streets)
        return sentence.format(
            address=f"{number} {street}",
            amount=self._amount(),
            ayes=random.randint(4, 6),
            contract=f"{random.randint(18, 25)}-{random.randint(100, 999)}",
            landmark=random.choice(place.landmarks),
            member=random.choice(place.council),
            number=number,
            number2=number + 400,
            small=random.randint(2, 3),
            street=street,
        )
