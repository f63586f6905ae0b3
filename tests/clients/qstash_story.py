"""What a team does with Upstash's SDK for Python, told as one line of JSON. Runs in a process of its own.

python qstash_story.py URL TOKEN
"""

import dataclasses
import json
import sys
from typing import Any

from qstash import QStash
from qstash.errors import QStashError


def tell(url: str, token: str) -> dict[str, Any]:
    """Look through dead letters page by page and by filters, look at one, remove some."""
    dlq = QStash(token, base_url=url).dlq
    pages = [dlq.list(count=2)]
    while pages[-1].cursor is not None:
        pages.append(dlq.list(count=2, cursor=pages[-1].cursor))
    letters = [letter for page in pages for letter in page.messages]
    blue = dlq.list(filter={"label": "blue", "response_status": 503})
    first = dlq.get(letters[0].dlq_id)
    dlq.delete(letters[0].dlq_id)
    try:
        dlq.get(letters[0].dlq_id)
        refused = ""
    except QStashError as error:
        refused = str(error)
    return {
        "pages": [[letter.dlq_id for letter in page.messages] for page in pages],
        "blue": [letter.dlq_id for letter in blue.messages],
        "first": dataclasses.asdict(first),
        "refused": refused,
        "none removed": dlq.delete_many([]),
        "removed": dlq.delete_many([letters[0].dlq_id, letters[1].dlq_id]),
        "left": [letter.dlq_id for letter in dlq.list().messages],
    }


if __name__ == "__main__":
    print(json.dumps(tell(*sys.argv[1:])))
