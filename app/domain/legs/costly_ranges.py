"""Ranges of numbers with a special price, or for no ordinary telephone.

Only whole ranges are here that a plan sets apart. The library knows their assigned parts at most,
and networks route the others too: https://en.wikipedia.org/wiki/International_revenue_share_fraud
"""

from __future__ import annotations

import re

COSTLY_RANGES = (
    # Calling code 1: https://www.nationalnanpa.com/area_codes/
    *("+1900", "+1976"),  # premium services
    *("+1500", "+1521", "+1522", "+1523", "+1524", "+1525", "+1526", "+1527", "+1528", "+1529"),
    *("+1532", "+1533", "+1535", "+1538", "+1542", "+1543", "+1544", "+1545", "+1546", "+1547"),
    *("+1549", "+1550", "+1552", "+1553", "+1554", "+1556", "+1558", "+1566", "+1569", "+1577"),
    *("+1578", "+1588", "+1589"),  # 5XX: personal numbers, and machines
    *("+1600", "+1622", "+1633", "+1644", "+1655", "+1677", "+1688"),  # Canada: no place, any price
    *("+1700",),  # services of one long-distance company each
    *("+1710",),  # the United States' government in emergencies
    *("+1456",),  # international calls into North America
    *("+1880", "+1881", "+1882"),  # toll-free numbers from abroad, which the caller pays for
    # Europe
    *("+3090",),  # Greece: premium
    *("+3184", "+3187"),  # Netherlands: personal assistants
    *("+3190",),  # Netherlands: premium
    *("+3270", "+3290"),  # Belgium: shared cost and premium
    *("+3381", "+3382", "+3389"),  # France: services with a surcharge
    *("+34118",),  # Spain: directories, at any price
    *("+34803", "+34806", "+34807", "+34905", "+34907"),  # Spain: premium, mass calling, data
    *("+351601", "+351646", "+351648", "+351760", "+351761", "+351762"),  # Portugal: premium
    *("+351707", "+351708"),  # Portugal: one price for all, above the ordinary
    *("+35490",),  # Iceland: premium
    *("+35650",),  # Malta: premium
    *("+35790",),  # Cyprus: premium
    *("+358600", "+358606", "+358700"),  # Finland: premium
    *("+370900", "+370903", "+37190", "+372900"),  # Lithuania, Latvia, Estonia: premium
    *("+38070", "+380900"),  # Ukraine: mass calling and premium
    *("+38190",),  # Serbia: premium
    *("+38560", "+38561", "+38564", "+38565", "+38569"),  # Croatia: premium
    *("+38690",),  # Slovenia: premium
    *("+3989",),  # Italy: premium
    *("+4090",),  # Romania: premium
    *("+4190",),  # Switzerland: premium
    *("+42090", "+420976", "+421900"),  # Czechia, Slovakia: premium
    *("+4390", "+4393"),  # Austria: premium
    *("+4470",),  # Britain: personal numbers
    *("+4484", "+4487", "+449"),  # Britain: service charge, premium
    *("+4674",),  # Sweden: pagers
    *("+46900", "+46939", "+46944"),  # Sweden: premium and mass calling
    *("+4782",),  # Norway: premium
    *("+48300", "+48400"),  # Poland: mass calling
    *("+49118", "+4912"),  # Germany: directories at any price, and trials of new services
    *("+49137", "+49138"),  # Germany: mass calling
    *("+4919", "+49900"),  # Germany: premium, online services
    # Elsewhere
    *("+2786",),  # South Africa: shared cost and premium
    *("+56600", "+56700"),  # Chile: shared cost and premium
    *("+6119", "+61500"),  # Australia: premium; personal numbers
    *("+64900",),  # New Zealand: premium
    *("+7803", "+7809"),  # Russia and Kazakhstan: mass calling, premium
    *("+8118099", "+81570", "+81990"),  # Japan: mass calling, "Navi Dial", premium
    *("+8250", "+8260"),  # South Korea: personal numbers, premium
    *("+90888", "+90900"),  # Turkey: premium
    *("+97219",),  # Israel: premium
    # No country: never allowed anyway, because a setting lists countries
    *("+808", "+979"),  # shared cost and premium
    *("+870", "+881", "+882", "+883"),  # satellites, ships, networks
    *("+878",),  # personal numbers
)
"""The beginnings of E.164 numbers."""

NO_AREA = r"(?:[2-9]11|[2-9]9\d|37\d|96\d)"
"""Services such as 911 and codes kept for longer numbers: no area code is or will be one."""
TOLL_FREE = r"8(?:00|22|33|44|55|66|77|88)"
NO_EXCHANGE = r"(?:976|95[089]|[2-9]11|5551212)"
"""Behind an area code: premium services, access to companies, tests, services, directories."""
NORTH_AMERICAN = re.compile(rf"\+1(?:{NO_AREA}|(?!{TOLL_FREE})\d{{3}}{NO_EXCHANGE})", re.ASCII)
"""What in North America is set apart in every area."""


def in_costly_range(number: str) -> bool:
    """Whether an E.164 number is in a range that is never dialled."""
    return number.startswith(COSTLY_RANGES) or NORTH_AMERICAN.match(number) is not None
