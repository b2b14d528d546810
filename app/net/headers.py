"""The permitted characters of an HTTP header. https://www.rfc-editor.org/rfc/rfc9110#name-fields"""

from __future__ import annotations

import re

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# No line breaks and no other controls.
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
