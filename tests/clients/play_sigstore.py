"""Plays the services of a small Sigstore, so that clients can sign with it: an HTTP proxy that answers for all of them.

usage: play_sigstore.py OUT_DIR REPOSITORY

    http://login.example                            an identity token for dev@example.com, at /token
    http://fulcio.example                           Fulcio: certificates for tokens of the above, with an SCT in them
    http://ct.example/2026                          its CT log
    http://rekor.example                            Rekor v1
    http://log2.rekor.example                       Rekor v2
    http://timestamp.example/api/v1/timestamp       a timestamp authority, which openssl plays
    http://tuf.example                              the files below REPOSITORY

Prints its port, and runs until its input ends. Writes to OUT_DIR the keys that logs do not hand out: ct.pem, log2.pem.
Logs keep what they are given, and prove that they have it; nobody else checks that.
"""

import base64
import hashlib
import json
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from make_instance import Instance, b64, canonical, pem, pem_key, public_pem, spki

LOG2 = "log2.rekor.example"


def now():
    return datetime.now(timezone.utc)


class Tree:
    """The entries of a log, and what proves that they are in it (RFC 6962, section 2.1)."""

    def __init__(self):
        # Without an entry before theirs, cosign leaves index and hashes out of a bundle, which sigstore-python refuses.
        self.leaves = [hashlib.sha256(b"\0the first entry").digest()]
        self.lock = threading.Lock()

    def root(self, leaves=None):
        leaves = self.leaves if leaves is None else leaves
        if len(leaves) < 2:
            return leaves[0] if leaves else hashlib.sha256().digest()
        split = self.split(leaves)
        return hashlib.sha256(b"\1" + self.root(leaves[:split]) + self.root(leaves[split:])).digest()

    def path(self, index, leaves):
        if len(leaves) < 2:
            return []
        split = self.split(leaves)
        if index < split:
            return [*self.path(index, leaves[:split]), self.root(leaves[split:])]
        return [*self.path(index - split, leaves[split:]), self.root(leaves[:split])]

    @staticmethod
    def split(leaves):
        return 1 << ((len(leaves) - 1).bit_length() - 1)

    def add(self, body):
        """Takes an entry, and returns its index, the size and the root of the tree, and the way from one to the other."""
        self.leaves.append(hashlib.sha256(b"\0" + body).digest())
        index = len(self.leaves) - 1
        return index, len(self.leaves), self.root(), self.path(index, self.leaves)


class Sigstore(Instance):
    def __init__(self):
        super().__init__(now() - timedelta(days=365))
        # cosign knows no other signatures under tokens.
        self.login = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.log1, self.log2 = Tree(), Tree()
        self.entries = [None]
        self.log2_key = ed25519.Ed25519PrivateKey.generate()
        raw = self.log2_key.public_key().public_bytes_raw()
        # The key hash of C2SP signed notes.
        self.log2_id = hashlib.sha256(LOG2.encode() + b"\n\1" + raw).digest()

    def token(self):
        at = int(time.time())
        who = {"sub": "dev@example.com", "email": "dev@example.com", "email_verified": True}
        when = {"iss": "https://login.example", "aud": "sigstore", "iat": at, "nbf": at - 5, "exp": at + 600}
        return jwt.encode({**who, **when}, pem_key(self.login), algorithm="RS256")

    def certify(self, asked, bearer):
        """Fulcio's answer to a request for a certificate, from whoever bears this token."""
        token = bearer.removeprefix("Bearer ")
        said = jwt.decode(token, public_pem(self.login), algorithms=["RS256"], audience="sigstore")
        if "certificateSigningRequest" in asked:
            request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
            assert request.is_signature_valid
            public = request.public_key()
        else:
            public = serialization.load_pem_public_key(asked["publicKeyRequest"]["publicKey"]["content"].encode())
            proof = base64.b64decode(asked["publicKeyRequest"]["proofOfPossession"])
            public.verify(proof, said["sub"].encode(), ec.ECDSA(hashes.SHA256()))
        leaf = self.leaf(SimpleNamespace(public_key=lambda: public), now())
        chain = [leaf, *reversed(self.fulcio_chain)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": [pem([one]).decode() for one in chain]}}}

    def log(self, entry):
        """Rekor v1's answer to an entry."""
        body, seconds = canonical(entry), int(time.time())
        with self.log1.lock:
            index, size, root, path = self.log1.add(body)
            log = hashlib.sha256(spki(self.rekor)).hexdigest()
            proof = {
                "checkpoint": self.checkpoint(root, size),
                "hashes": [one.hex() for one in path],
                "logIndex": index,
                "rootHash": root.hex(),
                "treeSize": size,
            }
            promise = b64(self.promise(body, index, seconds))
            logged = {"body": b64(body), "integratedTime": seconds, "logID": log, "logIndex": index}
            logged["verification"] = {"inclusionProof": proof, "signedEntryTimestamp": promise}
            self.entries.append({f"{index:016x}{hashlib.sha256(body).hexdigest()}": logged})
            return self.entries[-1]

    def log_state(self):
        with self.log1.lock:
            size, root = len(self.log1.leaves), self.log1.root()
        state = {"rootHash": root.hex(), "signedTreeHead": self.checkpoint(root, size), "treeID": "2605736670972794746"}
        return {**state, "treeSize": size, "inactiveShards": []}

    def log2_checkpoint(self, root, size):
        text = f"{LOG2}\n{size}\n{b64(root)}\n"
        return f"{text}\n\u2014 {LOG2} {b64(self.log2_id[:4] + self.log2_key.sign(text.encode()))}\n"

    def log2_state(self):
        with self.log2.lock:
            return self.log2_checkpoint(self.log2.root(), len(self.log2.leaves))

    def log_in_2(self, asked):
        """Rekor v2's answer to an entry."""
        asked = asked["hashedRekordRequestV002"]
        data = {"algorithm": "SHA2_256", "digest": asked["digest"]}
        verifier = {name: value for name, value in asked["signature"]["verifier"].items() if value is not None}
        signature = {"content": asked["signature"]["content"], "verifier": verifier}
        spec = {"hashedRekordV002": {"data": data, "signature": signature}}
        body = canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        with self.log2.lock:
            index, size, root, path = self.log2.add(body)
            envelope = self.log2_checkpoint(root, size)
        proof = {
            "logIndex": str(index),
            "rootHash": b64(root),
            "treeSize": str(size),
            "hashes": [b64(one) for one in path],
            "checkpoint": {"envelope": envelope},
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.log2_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }

    def answer(self, method, url, body, bearer):
        """The answer to a request: bytes, something to write as JSON, or nothing."""
        match (method, url.netloc, url.path):
            case ("GET", "login.example", "/token"):
                return self.token().encode()
            case ("GET", "fulcio.example", "/api/v2/trustBundle"):
                chain = [pem([one]).decode() for one in reversed(self.fulcio_chain)]
                return {"chains": [{"certificates": chain}]}
            case ("POST", "fulcio.example", "/api/v2/signingCert"):
                return self.certify(json.loads(body), bearer)
            case ("GET", "ct.example", "/2026/ct/v1/get-sth"):
                return self.tree_head(now())
            case ("GET", "rekor.example", "/api/v1/log/publicKey"):
                return public_pem(self.rekor)
            case ("GET", "rekor.example", "/api/v1/log"):
                return self.log_state()
            case ("POST", "rekor.example", "/api/v1/log/entries"):
                return self.log(json.loads(body))
            case ("GET", "rekor.example", "/api/v1/log/entries"):
                return self.entries[int(parse_qs(url.query)["logIndex"][0])]
            case ("GET", "log2.rekor.example", "/api/v2/checkpoint"):
                return self.log2_state().encode()
            case ("POST", "log2.rekor.example", "/api/v2/log/entries"):
                return self.log_in_2(json.loads(body))
            case ("GET", "timestamp.example", "/api/v1/timestamp/certchain"):
                return pem(reversed(self.tsa_chain))
            case ("POST", "timestamp.example", "/api/v1/timestamp"):
                return self.reply(body)
            case ("GET", "tuf.example", path):
                file = Path(sys.argv[2]) / path.lstrip("/")
                return file.read_bytes() if file.is_file() else None
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        # The tunnel leads to itself: what comes through it is plain HTTP again, and names its host.
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        path = self.path if "://" in self.path else f"http://{self.headers['Host']}{self.path}"
        said = self.server.sigstore.answer(self.command, urlsplit(path), body, self.headers.get("Authorization"))
        # Logs and the timestamp authority make something; Fulcio does not say so.
        made = self.command == "POST" and not path.endswith("/signingCert")
        status = 404 if said is None else 201 if made else 200
        answer = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Type", "application/json" if answer[:1] == b"{" else "application/octet-stream")
        if isinstance(said, dict) and len(said) == 1:
            # Go clients look the entry of a log up by this.
            self.send_header("ETag", next(iter(said)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *said):
        pass


def main(out, _repository):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.sigstore = Sigstore()
    (out / "ct.pem").write_bytes(public_pem(server.sigstore.ct))
    (out / "log2.pem").write_bytes(public_pem(server.sigstore.log2_key))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
