"""Refreshes a TUF repository as sigstore-python does, and downloads targets from it or verifies bundles.

usage: sigstore_python.py METADATA_URL ROOT CACHE [TARGET...]
       sigstore_python.py --verify METADATA_URL ROOT CACHE < JOBS

The target files are read from METADATA_URL/targets, as sigstore-python has it. A job is a line BUNDLE, ARTIFACT, IDENTITY,
ISSUER, with tabs between them. It is answered with a line: `ok` and 0, or `no` and why.
"""

import json
import os
import sys
from pathlib import Path


def fetch(url, root, cache, *targets):
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


def verify(url, root, cache):
    # What its command does with one bundle after the other.
    from sigstore._cli import _verify_common
    from sigstore._utils import sha256_digest
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.verify import Verifier, policy

    config = ClientTrustConfig.from_tuf(url, bootstrap_root=Path(root))
    for line in sys.stdin:
        bundle, artifact, identity, issuer = line.rstrip("\n").split("\t")
        try:
            verifier = Verifier(trusted_root=config.trusted_root)
            hashed = sha256_digest(Path(artifact).read_bytes())
            by = policy.Identity(identity=identity, issuer=issuer)
            _verify_common(verifier, hashed, Bundle.from_json(Path(bundle).read_bytes()), by)
            print("ok 0", flush=True)
        except Exception as error:
            print("no", repr(error).replace("\n", " "), flush=True)


def main(*arguments):
    command = fetch
    if arguments[0] == "--verify":
        command, arguments = verify, arguments[1:]
    # sigstore-python keeps its cache where the XDG variables point.
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = str(Path(arguments[2]).resolve())
    command(*arguments)


main(*sys.argv[1:])
