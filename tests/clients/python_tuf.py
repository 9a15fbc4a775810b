"""Refreshes TUF repositories with python-tuf and downloads targets from them.

usage: python_tuf.py METADATA_URL TARGETS_URL ROOT CACHE TIME|- [TARGET...]
       python_tuf.py --batch TIME|- < JOBS

A job is a line METADATA_URL, ROOT, CACHE, TARGET..., with tabs between them; its targets are below METADATA_URL/targets.
It is answered with a line: `ok` and the version of the root, or `no` and why.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

from tuf.ngclient import Updater


def refresh(metadata_url, targets_url, root, cache, time, *targets):
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
            raise KeyError(f"no target {name}")
        client.download_target(target)
    return client._trusted_set.root.version


def batch(time):
    for line in sys.stdin:
        url, root, cache, *targets = line.rstrip("\n").split("\t")
        try:
            print("ok", refresh(url, f"{url}/targets", root, cache, time, *targets), flush=True)
        except Exception as error:
            print("no", repr(error).replace("\n", " "), flush=True)


def main(*arguments):
    if arguments[0] == "--batch":
        return batch(arguments[1])
    try:
        version = refresh(*arguments)
    except KeyError as error:
        sys.exit(f"python-tuf: {error.args[0]}")
    print(json.dumps({"client": "python-tuf", "root_version": version, "ok": True}))


main(*sys.argv[1:])
