//! The opinion of openssl on the same certificates.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ceremony::Certificate;
use ceremony::certificate::IssueError;

/// Runs `openssl`, and says whether it said yes.
fn openssl(dir: &Path, arguments: &str) -> bool {
    let mut command = Command::new("openssl");
    let output = command.current_dir(dir).args(arguments.split(' ')).output();
    output.expect("openssl is missing: apt-get install openssl").status.success()
}

fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A self-signed certificate by openssl, of a new key of this kind.
fn made(dir: &Path, kind: &str, how: &str) -> Certificate {
    assert!(openssl(dir, &format!("genpkey -algorithm {kind} -out key.pem")), "{kind}");
    let subject = "-subj /CN=Root -addext basicConstraints=critical,CA:TRUE";
    assert!(openssl(dir, &format!("req -x509 -new -key key.pem -out root.pem {subject} {how}")), "{how}");
    let pem = std::fs::read_to_string(dir.join("root.pem")).unwrap();
    Certificate::from_pem_chain(&pem).unwrap().remove(0)
}

fn says_openssl(dir: &Path, certificate: &Certificate) -> bool {
    std::fs::write(dir.join("judged.pem"), certificate.to_pem()).unwrap();
    openssl(dir, "verify -check_ss_sig -CAfile judged.pem judged.pem")
}

#[test]
fn every_algorithm_is_judged_alike() {
    let dir = directory("openssl-algorithms");
    let (rsa, p256, p384) = (
        "RSA -pkeyopt rsa_keygen_bits:2048",
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "EC -pkeyopt ec_paramgen_curve:P-384",
    );
    let kinds = [rsa, p256, p384].into_iter().flat_map(|kind| ["-sha256", "-sha384", "-sha512"].map(|how| (kind, how)));
    for (kind, how) in kinds.chain([("ED25519", "-days 30")]) {
        let root = made(&dir, kind, how);
        assert_eq!(root.verify_issued_by(&root), Ok(()), "{kind} {how}");
        assert!(says_openssl(&dir, &root), "{kind} {how}");
        // The last byte of the subject, the name of which stays well-formed.
        let mut der = root.der().to_vec();
        let places = der.windows(4).enumerate().filter(|(_, text)| *text == b"Root").map(|(place, _)| place);
        for place in places.collect::<Vec<_>>() {
            der[place] = b'B';
        }
        let altered = Certificate::from_der(&der).unwrap();
        let refused = IssueError::Signature { subject: "CN=Boot".to_owned(), issuer: "CN=Boot".to_owned() };
        assert_eq!(altered.verify_issued_by(&altered), Err(refused), "{kind} {how}");
        assert!(!says_openssl(&dir, &altered), "{kind} {how}");
    }
}

#[test]
fn what_is_weak_or_unknown_is_refused_by_name() {
    let dir = directory("openssl-weak");
    let refused = |kind, how| {
        let root = made(&dir, kind, how);
        root.verify_issued_by(&root).unwrap_err().to_string()
    };
    assert_eq!(
        refused("RSA -pkeyopt rsa_keygen_bits:2048", "-sha1"),
        "CN=Root is signed with SHA-1 (sha1WithRSAEncryption), which proves nothing any more"
    );
    assert_eq!(
        refused("EC -pkeyopt ec_paramgen_curve:P-256", "-sha1"),
        "CN=Root is signed with SHA-1 (ecdsa-with-SHA1), which proves nothing any more"
    );
    assert_eq!(
        refused("EC -pkeyopt ec_paramgen_curve:P-521", "-sha512"),
        "the key of CN=Root is of a kind that this program cannot verify with: P-521 (secp521r1)"
    );
    assert_eq!(
        refused("RSA -pkeyopt rsa_keygen_bits:1024", "-sha256"),
        "the key of CN=Root is RSA with 1024 bits, and 2048 are the least"
    );
    assert_eq!(
        refused("RSA -pkeyopt rsa_keygen_bits:2048", "-sha256 -sigopt rsa_padding_mode:pss"),
        "CN=Root is signed with 1.2.840.113549.1.1.10, which this program does not verify"
    );
    assert_eq!(refused("ED448", "-days 30"), "CN=Root is signed with 1.3.101.113, which this program does not verify");
}
