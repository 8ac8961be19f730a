"""Large JSON goes out as gzip (压缩应答): a board of 350 meters is 330 KB plain and a seventh of that packed.

Streams of events are never packed: each event must arrive at once. Files of the admin come packed from its
build (`backend.admin_files`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import replace

from backend.exchange import Answer

PACKED_FROM_BYTES = 4 << 10  # Below, a packet more or less is all there is to win.
# Packed in the loop itself: a board takes some 2 ms. Level 6 wins a sixth for thrice the time.
_LEVEL = 3
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib.h, deflateInit2: 16 more asks for gzip's head and tail.


def packed(answer: Answer, asked: Mapping[str, str]) -> Answer:
    """Return the answer as gzip where it is large JSON and the client takes that; else as it is.

    asked: the request's headers. What has an ETag stays plain: a tag names one sequence of bytes.
    """
    content_type = answer.header("content-type") or ""
    if (
        len(answer.body) < PACKED_FROM_BYTES
        or answer.stream is not None
        or not content_type.startswith("application/json")
        or answer.header("content-encoding") is not None
        or answer.header("etag") is not None
    ):
        return answer
    headers = answer.headers
    if answer.header("vary") is None:
        headers = (*headers, ("Vary", "Accept-Encoding"))
    if "gzip" not in taken_encodings(asked.get("accept-encoding", "")):
        return replace(answer, headers=headers)
    body = zlib.compress(answer.body, _LEVEL, _GZIP_WINDOW)
    return replace(answer, headers=(*headers, ("Content-Encoding", "gzip")), body=body)


def taken_encodings(header: str) -> set[str]:
    """Return the encodings that a client takes: those it names without refusing them by q=0."""
    taken = set()
    for part in header.split(","):
        name, *parameters = (one.strip().replace(" ", "").lower() for one in part.split(";"))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if name and quality.strip("0.") != "":
            taken.add(name)
    return taken
