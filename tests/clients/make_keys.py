"""Writes the throw-away keys of a small repository as unencrypted PKCS#8, and keeps those that are there.

usage: make_keys.py KEY_DIR    (root1.pem root2.pem root3.pem online.pem, ECDSA P-256)
"""

import sys
from pathlib import Path

from securesystemslib.signer import CryptoSigner

directory = Path(sys.argv[1])
directory.mkdir(parents=True, exist_ok=True)
for name in ("root1", "root2", "root3", "online"):
    path = directory / f"{name}.pem"
    if not path.exists():
        path.write_bytes(CryptoSigner.generate_ecdsa().private_bytes)
