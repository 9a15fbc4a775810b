"""Makes the keys and certificates of a small Sigstore, what its services answer, and bundles signed under them.

usage: make_instance.py OUT_DIR TIME...

Writes fulcio.pem and tsa.pem (chains, the root first), rekor.pem and ct.pem (keys), checkpoint and sth.json (proofs of the
logs), artifact.txt, and bundle-N.json for each TIME (RFC 3339, ascending): signed at that moment by a certificate of
Fulcio with a timestamp of the CT log, logged in Rekor, and stamped by the timestamp authority, which openssl plays.
The identity is mailto dev@example.com, the issuer https://login.example.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ARTIFACT = b"made by a test\n"
REKOR = "rekor.example"


def b64(data):
    return base64.b64encode(data).decode()


def key():
    return ec.generate_private_key(ec.SECP256R1())


def spki(of):
    return of.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(by, data):
    return by.sign(data, ec.ECDSA(hashes.SHA256()))


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, of, issuer, by, start, end, extensions):
    """A certificate for the key `of`, signed by the key `by` in the name of `issuer`."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(of.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(spki(of)).digest()[:8]) >> 1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(of.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by, hashes.SHA256())


def usage(*, ca):
    flags = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"],
        False,
    )
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **flags)


def authority(length):
    return [(x509.BasicConstraints(True, length), True), (usage(ca=True), True)]


class Instance:
    def __init__(self, since):
        until = since + timedelta(days=3650)
        self.rekor, self.ct = key(), key()
        self.root, self.fulcio = key(), key()
        signing = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
        root = certificate(name("test-fulcio"), self.root, name("test-fulcio"), self.root, since, until, authority(1))
        self.issuer = certificate(
            name("test-fulcio-issuer"),
            self.fulcio,
            root.subject,
            self.root,
            since,
            until,
            [*authority(0), signing],
        )
        self.fulcio_chain = [root, self.issuer]
        self.tsa_root, self.tsa = key(), key()
        stamping = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
        tsa_root = certificate(
            name("test-tsa-root"), self.tsa_root, name("test-tsa-root"), self.tsa_root, since, until, authority(0)
        )
        self.stamper = certificate(
            name("test-tsa"), self.tsa, tsa_root.subject, self.tsa_root, since, until, [(usage(ca=False), True), stamping]
        )
        self.tsa_chain = [tsa_root, self.stamper]

    def tree_head(self, at):
        """What a CT log answers to get-sth (RFC 6962, sections 3.5 and 4.3)."""
        stamp, size, root = int(at.timestamp() * 1000), 5, bytes(32)
        signature = sign(self.ct, b"\0\1" + stamp.to_bytes(8) + size.to_bytes(8) + root)
        return {
            "tree_size": size,
            "timestamp": stamp,
            "sha256_root_hash": b64(root),
            "tree_head_signature": b64(b"\4\3" + len(signature).to_bytes(2) + signature),
        }

    def checkpoint(self, root, size=1):
        """A checkpoint (C2SP tlog-checkpoint), with the origin that Rekor v1 has."""
        text = f"{REKOR} - 2605736670972794746\n{size}\n{b64(root)}\n"
        signature = hashlib.sha256(spki(self.rekor)).digest()[:4] + sign(self.rekor, text.encode())
        return f"{text}\n\u2014 {REKOR} {b64(signature)}\n"

    def leaf(self, of, at):
        """A certificate of Fulcio with the CT log's timestamp in it (RFC 6962, sections 3.2 and 3.3)."""
        issuer = b"https://login.example"
        extensions = [
            (usage(ca=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
            (x509.SubjectAlternativeName([x509.RFC822Name("dev@example.com")]), True),
            (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), issuer), False),
            (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), b"\x0c" + bytes([len(issuer)]) + issuer), False),
        ]
        dates = at - timedelta(minutes=1), at + timedelta(minutes=9)

        def made(more):
            return certificate(x509.Name([]), of, self.issuer.subject, self.fulcio, *dates, extensions + more)

        stamp = int(at.timestamp() * 1000).to_bytes(8)
        before = made([]).tbs_certificate_bytes
        hashed = hashlib.sha256(spki(self.fulcio)).digest()
        signature = sign(self.ct, b"\0\0" + stamp + b"\0\1" + hashed + len(before).to_bytes(3) + before + b"\0\0")
        log = hashlib.sha256(spki(self.ct)).digest()
        sct = b"\0" + log + stamp + b"\0\0" + b"\4\3" + len(signature).to_bytes(2) + signature
        listed = len(sct).to_bytes(2) + sct
        listed = len(listed).to_bytes(2) + listed
        value = b"\4\x81" + bytes([len(listed)]) + listed if len(listed) > 127 else b"\4" + bytes([len(listed)]) + listed
        return made([(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), value), False)])

    def stamp(self, data, at):
        """The timestamp authority's answer for `data`."""
        asked = ["openssl", "ts", "-query", "-data", "/dev/stdin", "-sha256", "-cert"]
        return self.reply(run(asked, input=data), at)

    def reply(self, query, at=None):
        """The timestamp authority's answer to a query (RFC 3161), by openssl now or at another time."""
        with tempfile.TemporaryDirectory() as place:
            place = Path(place)
            (place / "query").write_bytes(query)
            (place / "key").write_bytes(pem_key(self.tsa))
            (place / "signer").write_bytes(pem([self.stamper]))
            (place / "serial").write_text("01\n")
            (place / "config").write_text(
                "[tsa]\ndefault_tsa = it\n[it]\nserial = serial\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n"
                "signer_digest = sha256\ness_cert_id_alg = sha256\n"
            )
            answer = ["openssl", "ts", "-reply", "-config", "config", "-queryfile", "query", "-inkey", "key"]
            answer += ["-signer", "signer", "-out", "reply"]
            # faketime reads local time.
            then = ["faketime", "-f", at.strftime("%Y-%m-%d %H:%M:%S")] if at else []
            run([*then, *answer], cwd=place, env={**os.environ, "TZ": "UTC"})
            return (place / "reply").read_bytes()

    def promise(self, body, index, seconds):
        """Rekor v1's promise to keep an entry: its signed entry timestamp."""
        log = hashlib.sha256(spki(self.rekor)).hexdigest()
        said = {"body": b64(body), "integratedTime": seconds, "logID": log, "logIndex": index}
        return sign(self.rekor, canonical(said))

    def bundle(self, at):
        of = key()
        leaf = self.leaf(of, at)
        signature, digest = sign(of, ARTIFACT), hashlib.sha256(ARTIFACT)
        entry = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hexdigest()}},
                "signature": {"content": b64(signature), "publicKey": {"content": b64(pem([leaf]))}},
            },
        }
        body = canonical(entry)
        root = hashlib.sha256(b"\0" + body).digest()
        log, seconds = hashlib.sha256(spki(self.rekor)), int(at.timestamp())
        logged = {
            "logIndex": "0",
            "logId": {"keyId": b64(log.digest())},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.promise(body, 0, seconds))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": self.checkpoint(root)},
            },
            "canonicalizedBody": b64(body),
        }
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(leaf.public_bytes(serialization.Encoding.DER))},
                "tlogEntries": [logged],
                "timestampVerificationData": {
                    "rfc3161Timestamps": [{"signedTimestamp": b64(self.stamp(signature, at))}]
                },
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest.digest())},
                "signature": b64(signature),
            },
        }


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def run(command, **how):
    done = subprocess.run(command, capture_output=True, **how)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr.decode()}")
    return done.stdout


def pem(certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def pem_key(of):
    return of.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(of):
    return of.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def main(out, *times):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    times = [datetime.fromisoformat(time.replace("Z", "+00:00")) for time in times]
    instance = Instance(times[0] - timedelta(days=365))
    files = {
        "artifact.txt": ARTIFACT,
        "fulcio.pem": pem(instance.fulcio_chain),
        "tsa.pem": pem(instance.tsa_chain),
        "rekor.pem": public_pem(instance.rekor),
        "ct.pem": public_pem(instance.ct),
        "checkpoint": instance.checkpoint(bytes(32)).encode(),
        "sth.json": json.dumps(instance.tree_head(times[0])).encode(),
    }
    for number, time in enumerate(times):
        files[f"bundle-{number}.json"] = json.dumps(instance.bundle(time)).encode()
    for file, content in files.items():
        (out / file).write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
