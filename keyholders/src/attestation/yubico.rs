//! The authorities that sign for YubiKeys, as facts.
//!
//! The vendor publishes their certificates under <https://developers.yubico.com/PKI/>, with OpenPGP signatures of the keys
//! that <https://developers.yubico.com/Software_Projects/Software_Signing.html> lists. Of each certificate there is here
//! what a chain is verified with: name, key, path length and dates; and its digest, to compare with what is published.

use super::anchors::AnchorKind;

/// Where the vendor publishes the certificates.
pub(super) const PUBLISHED: &str = "https://developers.yubico.com/PKI/";

/// What is known of one authority.
pub(super) struct Fact {
    /// The one common name of its subject, in UTF-8.
    pub(super) name: &'static str,
    /// Its key.
    pub(super) key: &'static str,
    /// The SHA-256 of its certificate. Others of the same name and key may have been published before.
    pub(super) sha256: &'static str,
    /// How many authorities may stand below it; none for any number.
    pub(super) path_length: Option<u8>,
    /// The first and the last second in which it is valid; none if that is not judged.
    pub(super) validity: Option<(&'static str, &'static str)>,
    /// What it vouches for.
    pub(super) kind: AnchorKind,
    /// The root that its certificate verifies up to, by name; none if it is one.
    pub(super) root: Option<&'static str>,
    /// The file under [`PUBLISHED`] that has the certificate.
    pub(super) file: &'static str,
}

/// The roots; the authorities for PIV below Attestation Root 1, which sign the devices of firmware 5.7.4 and later and
/// which no device carries; and those that signed devices given out for trial. The dates of the latter were over while
/// the devices were in use, so that they are not judged: whatever these sign is a finding.
pub(super) const FACTS: &[Fact] = &[
    Fact {
        name: "Yubico PIV Root CA Serial 263751",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw3ZwxM1HpgJ1xMVHG4/L\n\
              fU9ptGfmbqkn6dITQdFamhozx9zzAcL5OZv3yOY2+FY0TYSKVTzm5gp8QU/13pDY\n\
              abK2oGfFmwBrcqpmIILHYvBDiJgQ5vWWWCi1Wv/CESl1U6qOhTQ/l7WPXLs5/A6+\n\
              TL/4Bcg3/1enRUWVhGTa1D0Zx1goOapT51v2IrCkDOJ3igcFUsiGYPem+RZpEDYf\n\
              cMD23sf8c2rm/c6I7WPItl4qpmgxs85uvGoOD71851KHOB/AKqBPddWZN6LC8FJN\n\
              y3KL2YdB9h3YPCRqrFGcts1XIr3OX4PONIan0iFU+JW0Z61fTZ3GFCcZLsroE7RB\n\
              7wIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
        path_length: Some(1),
        validity: Some(("2016-03-14T00:00:00Z", "2052-04-17T00:00:00Z")),
        kind: AnchorKind::Vendor,
        root: None,
        file: "yubico-piv-ca-1.pem",
    },
    Fact {
        name: "Yubico Attestation Root 1",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxnr9PEzyshP4Rqg+8bzW\n\
              ie0w6j/aZDZEHAkdLRBlzFVo1e+XXYtSEFnkuaIFJwhl3VGfHWh3nzmH792EruES\n\
              bskAAuQoq2zV87ncoY0tm6PPmHfAadyviHIoXQbvhv9Tcr2ETmYY0PrOphyEJEAd\n\
              +tgxhEMXhgvRfgPmcZ3G+mkDLqeQSa1aYyfA7eLRMC5yytsTjzke8YzivRWmBV0m\n\
              m+BCOJMkJMir4PfmHC1PxAMi/6ca+lzKLnBwh8KTPIKKYm6SFjLoqio0wpAR2k2J\n\
              I69bIMxMy3VvAK8TOnD3W76axS3iuPR5+c72zRk7B3AxEOcfjGBSXlkvCus+R8LX\n\
              /QIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
        path_length: Some(3),
        validity: Some(("2024-12-01T00:00:00Z", "9999-12-31T23:59:59Z")),
        kind: AnchorKind::Vendor,
        root: None,
        file: "yubico-ca-1.pem",
    },
    Fact {
        name: "Yubico PIV Attestation A 1",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyGCyrZjNrdPfChdDe4JW\n\
              d+4TMLr8nbugcKJz12egglWi7oy5L9GT99/if9i1OrONdpEt0YrCa+qMb+dJJ0WU\n\
              a8M5zXYnUDpn72vhFjH+Anb9P9+v+ZrRqaj/jnR/MYP7NpVpeLHiH2dRCe/PX/NH\n\
              1XE41GvdUEncDtqUUGaXUea0DfDYMcRDpPT2Qn5e8rn9FjzDA37SbOVuws5VlFTD\n\
              zDdqR0FnqeWeIW0DFu17rzCqXcaBVRDnQLTc5EEPDTpiRrQE/Ag+7Wg9ieLrueos\n\
              75YMQ1EIkfjL49OBVogU1A7kwRGvOnG8l7sYaY8LZ2b5FROe2hKqmsIy600qjn6b\n\
              /QIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870",
        path_length: Some(1),
        validity: Some(("2024-12-01T00:00:00Z", "9999-12-31T23:59:59Z")),
        kind: AnchorKind::Vendor,
        root: Some("Yubico Attestation Root 1"),
        file: "yubico-intermediate.pem",
    },
    Fact {
        name: "Yubico PIV Attestation B 1",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAv7WBL9/5AKxSpCMoL631\n\
              83WqRtFrOHY7tdyuGtoidoYWQrxVaV9S+ZwH0aynh0IzD5A/PvCtuxdtL5w2cAI3\n\
              tgsborOlEert4IZ904CZQfq3ooar1an/wssbtMpPOQkC3MQiqrUyHlFS2BTbuwbB\n\
              XY66lSVX/tGRuUgnBdfBJtcQKS6MO4bU5ndPQqhGPyzcyY1LvlfzK7KJ1r/bixCR\n\
              FqjhJRnPs0Czpg6rkRrFgC6cd5bK1UgTsJy+3wrIqkv4CeV3EhSVnhnQjZgIrdIc\n\
              I5WZ8T1Oq3OhMlWmY0K0dy/oZdP/bpbG2qbyHLa6gprLT/qChQWLmffxn6D2DAB1\n\
              zQIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052",
        path_length: Some(1),
        validity: Some(("2024-12-01T00:00:00Z", "9999-12-31T23:59:59Z")),
        kind: AnchorKind::Vendor,
        root: Some("Yubico Attestation Root 1"),
        file: "yubico-intermediate.pem",
    },
    Fact {
        name: "Yubico PIV Attestation B2 1",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsajWvNlxzw/0DKmH3xfC\n\
              uGvWqCSFe0lPTSl7t4QYfupxdPxzz1LUrvwoU3T6ApNS4tks+4JFs4oyVQgkqOrk\n\
              YEU9rFKE2/MYyqPNDeUMQAt01TUaQJRoeAWuSsWpp163+rO/LQe96E5U5DAVHoVc\n\
              L20GRkabLdNMOfEsQz9Jxe6zuqhfofDPpFeMnHfM1LLDKussVoQwFGfoE+JdEsLw\n\
              RL1IifKu6YRRiT8jI6ystW4nwudBlsXSyyau1kbMGjcTrEPIaiVUbKEPaZ2Qwr6N\n\
              lkZE84t1Kzz6eUqMsvmlDpTbNIMBbtOx++Rp7MHrfsH36XgxV2TNiEx90jdC66Wo\n\
              qwIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "0c90b7d184a36edf50a35f9be935f0c5689bfdcfe5bdd073366cafb49061a440",
        path_length: Some(1),
        validity: Some(("2025-08-01T00:00:00Z", "9999-12-31T23:59:59Z")),
        kind: AnchorKind::Vendor,
        root: Some("Yubico Attestation Root 1"),
        file: "yubico-intermediate.pem",
    },
    Fact {
        name: "Yubico PIV Preview CA",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAt+RpdJAwrYMb9zgx2ehJ\n\
              wbNa66cfU8gcxuPscODFqmSz64ajAfSB5sGRvOR3qs9cHhZp4djkB3oSiWT6ULHa\n\
              wlAQxEK8McHT0P0Y7OjFX7hKwSbSGH30CEPtuKpGQyWapXb7v2gCwb17w1d8ou0Z\n\
              Tf4oHfu7e0+a4F/iXjgR36OADGOn7VsJBNJorVdiEGcE6m1qCAyKxin9MCUZLhRz\n\
              ri3FfrJ7nZV1J7O+hECif6Acyudg36QMplva8ve2T/84i48HX1KWDql/ojmm+l4T\n\
              9DEf8fAhtH281sSo17J3tlLQTrmo4qSIhVf8KVPWFcnfdJ8zcvu8lvTaSZ+bwGcY\n\
              QwIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "cb0f9c426e93272bad078aee1f96ff4c423723e72f4c7c471d070c91be07596e",
        path_length: None,
        validity: None,
        kind: AnchorKind::Preview,
        root: None,
        file: "preview/yubico-piv-preview-ca-certs.pem",
    },
    Fact {
        name: "Yubico 2023 PIV Preview CA",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAp+WRzIT0KUzrX7U+yIqd\n\
              hESbuW3tIt1RI86Gvdcs3GNllib/pIhmjZ1nIacBMcTMRd8itomUtWgjJele1laV\n\
              F9AZ6rZ7KYGfXd9adCvwi8vIjqYfPGXarnKatGNB5fBcordDWEcOultlUTHkTxaN\n\
              LQqnNi5KQjqVqTJho4fX7zxXoeRlUu3qYGTqSVLrclsgn5kQxHHAVsOVYxLKifuO\n\
              HhJBeOawHq0VZAukmse0k0tcWEtiSFYs0KIICVW2zq9Q/NOPFtPBs2+kPKd3BEG+\n\
              P4+ULZr5W91Gk5/ESgAIfNQVQFW+DYPpcAFOImnL66kElWhqaqFVqxXVl4YSF8Kw\n\
              zwIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "d20f2ce2d9851253a0ac4633dc40e1655993eaeb7966d25ce61f90a42dca18ee",
        path_length: None,
        validity: None,
        kind: AnchorKind::Preview,
        root: None,
        file: "preview/yubico-piv-preview-ca-certs.pem",
    },
    Fact {
        name: "Yubico 2025 PIV Attestation Preview CA ",
        key: "-----BEGIN PUBLIC KEY-----\n\
              MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoPSoPYiyHV8weNfo68V1\n\
              K7FUpNsGIt3e8tGpFqN91G4BKqlDcmG0Cwec9ZxIYCecj2OywGohmn+YD/zUsxmF\n\
              BRr90XNzoZ4yk+Ov9QXbvtibHsTX7VizvK6b0LS0TVH85fOSafKqv+TUIhdIovPv\n\
              hLtzk1hB7+mlEl5t0PkW3QKQI+FSHf9+BxsN9X8eWguBUOkS+ObBiPjSm7QhDJne\n\
              z/oWl4WmLlZmcE66Eb3aRggsFYXbXorTbWneUnh6c+S2vg4EQFqwUnOihTenWafV\n\
              R8QCxklVdYBp4Tt9LxND8KRElL+h3hF+ixsd2B6AyQ2DTJSUWVWAPlaScXxz4c9O\n\
              uwIDAQAB\n\
              -----END PUBLIC KEY-----\n",
        sha256: "4c3d98ce3baefb0759084cd71c9152fb450c4a30ac50e183a9ba2538c472844a",
        path_length: Some(1),
        validity: None,
        kind: AnchorKind::Preview,
        root: None,
        file: "preview/yubico-piv-preview-ca-certs.pem",
    },
];
