"""Refreshes a TUF repository as sigstore-python does and downloads targets from it.

usage: sigstore_python.py METADATA_URL ROOT CACHE [TARGET...]

The target files are read from METADATA_URL/targets, as sigstore-python has it.
"""

import json
import os
import sys
from pathlib import Path


def main(url, root, cache, *targets):
    # sigstore-python keeps its cache where the XDG variables point.
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = str(Path(cache).resolve())
    from sigstore._internal.tuf import TrustUpdater, _get_dirs

    # A client that has run before starts from what it trusted last.
    metadata_dir, _ = _get_dirs(url.rstrip("/"))
    started = (metadata_dir / "root.json").exists()
    client = TrustUpdater(url, bootstrap_root=None if started else Path(root))._updater
    for name in targets:
        target = client.get_targetinfo(name)
        if target is None:
            sys.exit(f"sigstore-python: no target {name}")
        client.download_target(target)
    print(json.dumps({"client": "sigstore-python", "root_version": client._trusted_set.root.version, "ok": True}))


main(*sys.argv[1:])
