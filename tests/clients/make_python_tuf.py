"""Makes a small TUF repository with python-tuf, as make_python_tuf says."""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer


def main(out, keys, *files):
    out, keys = Path(out), Path(keys)
    (out / "targets").mkdir(parents=True)
    people = [signer(keys / f"root{n}.pem") for n in (1, 2, 3)]
    online = [signer(keys / "online.pem")]
    now = datetime.now(timezone.utc).replace(microsecond=0)

    root = Root(expires=now + timedelta(days=365), consistent_snapshot=True)
    for role, signers in (("root", people), ("targets", people), ("snapshot", online), ("timestamp", online)):
        for each in signers:
            root.add_key(each.public_key, role)
        root.roles[role].threshold = min(2, len(signers))

    targets = Targets(expires=now + timedelta(days=365))
    for name, data in contents(files) if files else [("hello.txt", b"hello\n")]:
        target = TargetFile.from_data(name, data, ["sha256"])
        targets.targets[name] = target
        (out / "targets" / f"{target.hashes['sha256']}.{name}").write_bytes(data)

    write(out / "1.root.json", root, people[:2])
    size, digest = write(out / "1.targets.json", targets, people[1:])
    snapshot = Snapshot(expires=now + timedelta(days=30), meta={"targets.json": MetaFile(1, size, digest)})
    size, digest = write(out / "1.snapshot.json", snapshot, online)
    timestamp = Timestamp(expires=now + timedelta(days=30), snapshot_meta=MetaFile(1, size, digest))
    write(out / "timestamp.json", timestamp, online)


def contents(files):
    for given in map(Path, files):
        for file in given.iterdir() if given.is_dir() else [given]:
            yield file.name, file.read_bytes()


def signer(path):
    return CryptoSigner(load_pem_private_key(path.read_bytes(), None))


def write(path, signed, signers):
    metadata = Metadata(signed)
    for each in signers:
        metadata.sign(each, append=True)
    data = metadata.to_bytes(JSONSerializer(compact=False))
    path.write_bytes(data)
    file = MetaFile.from_data(1, data, ["sha256"])
    return file.length, file.hashes


main(*sys.argv[1:])
