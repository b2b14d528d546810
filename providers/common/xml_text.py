"""What XML 1.0 can hold, for all markup that is sent. https://www.w3.org/TR/xml/#charsets"""

from __future__ import annotations

import re

# Control characters and halves of surrogate pairs: a parser refuses a whole document for one.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
