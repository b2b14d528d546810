"""What XML 1.0 can hold, for all markup that is sent. https://www.w3.org/TR/xml/#charsets"""

from __future__ import annotations

import re

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Remove control characters and halves of surrogate pairs: a parser refuses all for one."""
    return text if text.isprintable() else NOT_XML.sub("", text)
