"""Refreshes a TUF repository with python-tuf and downloads targets from it.

usage: python_tuf.py METADATA_URL TARGETS_URL ROOT CACHE TIME|- [TARGET...]
"""

import json
import sys
from datetime import datetime
from pathlib import Path

from tuf.ngclient import Updater


def main(metadata_url, targets_url, root, cache, time, *targets):
    cache = Path(cache)
    downloads = cache / "targets"
    downloads.mkdir(parents=True, exist_ok=True)
    # A client that has run before starts from what it trusted last.
    started = (cache / "root.json").exists()
    client = Updater(
        str(cache),
        metadata_url,
        str(downloads),
        targets_url,
        bootstrap=None if started else Path(root).read_bytes(),
    )
    if time != "-":
        client._trusted_set.reference_time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    client.refresh()
    for name in targets:
        target = client.get_targetinfo(name)
        if target is None:
            sys.exit(f"python-tuf: no target {name}")
        client.download_target(target)
    print(json.dumps({"client": "python-tuf", "root_version": client._trusted_set.root.version, "ok": True}))


main(*sys.argv[1:])
