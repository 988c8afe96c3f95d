//! Every implementation on vectors of another hand, and beside one another on signatures that were changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests stop at the first fault"
)]

use super::{Hash, P256Key, P384Key, RsaKey};
use serde_json::Value;
use std::fs;

/// A file of Wycheproof's, or `None` after saying loudly that nothing is compared.
fn vectors(name: &str) -> Option<Value> {
    let path = crate::support::corpus()?
        .join("vectors/wycheproof")
        .join(name);
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// Whether a key was taken and has signed. One in each implementation.
type Verdict = Option<bool>;

/// The verdict of all implementations, which must be one.
#[track_caller]
fn agreed(verdicts: &[Verdict], what: &dyn std::fmt::Display) -> Verdict {
    let [first, rest @ ..] = verdicts else {
        panic!("no implementation")
    };
    assert!(rest.iter().all(|one| one == first), "{verdicts:?}: {what}");
    *first
}

/// Numbers that only have to differ from one another: xorshift64 (Marsaglia 2003), so that a failure happens again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

/// Adds `right` to `left`, big-endian numbers of one length; whether the sum still has that length.
fn add(left: &mut [u8], right: &[u8]) -> bool {
    let mut carry = 0;
    for (left, right) in left.iter_mut().zip(right).rev() {
        let sum = u16::from(*left) + u16::from(*right) + carry;
        (*left, carry) = (sum.to_be_bytes()[1], sum >> 8);
    }
    carry == 0
}

/// `order` less `number`.
fn negated(order: &[u8], number: &[u8]) -> Vec<u8> {
    let mut inverted: Vec<u8> = number.iter().map(|byte| !byte).collect();
    let mut one = vec![0; order.len()];
    *one.last_mut().unwrap() = 1;
    add(&mut inverted, &one);
    add(&mut inverted, order);
    inverted
}

macro_rules! curve {
    ($module:ident, $key:ident, $point:literal, $both:literal, $file:literal, $hash:ident, $order:literal) => {
        mod $module {
            use super::*;

            fn verdicts(
                point: &[u8; $point],
                hash: Hash,
                message: &[u8],
                signature: &[u8; $both],
            ) -> Vec<Verdict> {
                let signed = |key: Option<$key>| Some(key?.signed(hash, message, signature));
                vec![
                    signed($key::portable(point)),
                    #[cfg(all(
                        feature = "graviola",
                        any(target_arch = "x86_64", target_arch = "aarch64")
                    ))]
                    signed($key::in_assembly(point)),
                    signed($key::from_point(point)),
                ]
            }

            #[test]
            fn wycheproof_s_signatures_get_wycheproof_s_verdict() {
                let Some(vectors) = vectors($file) else {
                    return;
                };
                let (mut valid, mut invalid) = (0, 0);
                for group in vectors["testGroups"].as_array().unwrap() {
                    let point = bytes(&group["publicKey"]["uncompressed"]);
                    let point: [u8; $point] = point.try_into().unwrap();
                    for test in group["tests"].as_array().unwrap() {
                        let good = test["result"] == "valid";
                        // The type of a signature is its length.
                        let Ok(signature) = <[u8; $both]>::try_from(bytes(&test["sig"])) else {
                            assert!(!good, "{}", test["tcId"]);
                            continue;
                        };
                        let verdicts =
                            verdicts(&point, Hash::$hash, &bytes(&test["msg"]), &signature);
                        assert_eq!(agreed(&verdicts, &test["tcId"]), Some(good), "{test}");
                        if good { valid += 1 } else { invalid += 1 }
                    }
                }
                assert!(
                    valid > 150 && invalid > 50,
                    "{valid} valid, {invalid} invalid"
                );
            }

            #[test]
            fn implementations_agree_on_what_was_changed() {
                let Some(vectors) = vectors($file) else {
                    return;
                };
                let order = hex::decode($order).unwrap();
                let half = order.len();
                let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
                let (mut refused, mut no_keys, mut judged) = (0, 0, 0);
                let mut judge =
                    |point: &[u8; $point], hash, message: &[u8], signature: &[u8; $both]| {
                        let what = format!(
                            "{} {hash} {} {}",
                            hex::encode(point),
                            hex::encode(message),
                            hex::encode(signature)
                        );
                        let verdict = agreed(&verdicts(point, hash, message, signature), &what);
                        judged += 1;
                        refused += u32::from(verdict == Some(false));
                        no_keys += u32::from(verdict.is_none());
                        verdict
                    };
                for group in vectors["testGroups"].as_array().unwrap() {
                    let point = bytes(&group["publicKey"]["uncompressed"]);
                    let point: [u8; $point] = point.try_into().unwrap();
                    for test in group["tests"].as_array().unwrap() {
                        let Ok(signature) = <[u8; $both]>::try_from(bytes(&test["sig"])) else {
                            continue;
                        };
                        let message = bytes(&test["msg"]);
                        for hash in HASHES {
                            judge(&point, hash, &message, &signature);
                        }
                        let mut changed = signature;
                        changed[numbers.below($both)] ^= 1 << numbers.below(8);
                        judge(&point, Hash::$hash, &message, &changed);
                        let mut off = point;
                        off[1 + numbers.below($both)] ^= 1 << numbers.below(8);
                        assert_eq!(judge(&off, Hash::$hash, &message, &signature), None);
                        if test["result"] != "valid" {
                            continue;
                        }
                        // FIPS 186-5 has no low half: the other s is as good.
                        let mut other = signature;
                        other[half..].copy_from_slice(&negated(&order, &signature[half..]));
                        assert_eq!(judge(&point, Hash::$hash, &message, &other), Some(true));
                        // Each of r and s as nothing, as the order, and past it.
                        for at in [0, half] {
                            for number in [&vec![0; half], &order, &vec![0xff; half]] {
                                let mut changed = signature;
                                changed[at..at + half].copy_from_slice(number);
                                assert_eq!(
                                    judge(&point, Hash::$hash, &message, &changed),
                                    Some(false)
                                );
                            }
                            let mut changed = signature;
                            if add(&mut changed[at..at + half], &order) {
                                assert_eq!(
                                    judge(&point, Hash::$hash, &message, &changed),
                                    Some(false)
                                );
                            }
                        }
                        let noise = std::array::from_fn(|_| numbers.byte());
                        assert_eq!(judge(&point, Hash::$hash, &message, &noise), Some(false));
                    }
                }
                // A coordinate past the field's prime, the point of zeroes, and one that is only said to be compressed.
                let mut point = [0xff; $point];
                point[0] = 4;
                let zeroes = std::array::from_fn(|at| if at == 0 { 4 } else { 0 });
                for point in [&point, &zeroes] {
                    assert_eq!(judge(point, Hash::$hash, b"", &[1; $both]), None);
                }
                assert!(
                    judged > 2500 && refused > 2000 && no_keys > 200,
                    "{judged} {refused} {no_keys}"
                );
            }
        }
    };
}

curve!(
    on_p256,
    P256Key,
    65,
    64,
    "ecdsa_secp256r1_sha256_p1363_test.json",
    Sha256,
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
);
curve!(
    on_p384,
    P384Key,
    97,
    96,
    "ecdsa_secp384r1_sha384_p1363_test.json",
    Sha384,
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
);

/// The key of Wycheproof's file in every implementation.
fn rsa_keys(modulus: &[u8]) -> Vec<RsaKey> {
    let exponent = super::rsa::EXPONENT;
    let keys = [
        RsaKey::portable(modulus, &exponent),
        #[cfg(all(
            feature = "graviola",
            any(target_arch = "x86_64", target_arch = "aarch64")
        ))]
        RsaKey::in_assembly(modulus, &exponent),
        RsaKey::of(modulus, &exponent),
    ];
    keys.into_iter().map(Option::unwrap).collect()
}

#[test]
fn rsa_gets_wycheproof_s_verdict_and_implementations_agree() {
    let Some(vectors) = vectors("rsa_pss_4096_sha384_mgf1_48_test.json") else {
        return;
    };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut valid, mut invalid, mut past, mut schemes) = (0, 0, 0, 0);
    let refused = (Some(false), Some(false));
    for group in vectors["testGroups"].as_array().unwrap() {
        let modulus = bytes(&group["publicKey"]["modulus"]);
        let modulus = modulus.strip_prefix(&[0]).unwrap_or(&modulus);
        let keys = rsa_keys(modulus);
        let judge = |hash, message: &[u8], signature: &[u8]| {
            let what = format!("{hash} {} {}", hex::encode(message), hex::encode(signature));
            let pss: Vec<_> = keys
                .iter()
                .map(|key| Some(key.pss(hash, message, signature)))
                .collect();
            let pkcs1: Vec<_> = keys
                .iter()
                .map(|key| Some(key.pkcs1(hash, message, signature)))
                .collect();
            (agreed(&pss, &what), agreed(&pkcs1, &what))
        };
        for test in group["tests"].as_array().unwrap() {
            let (message, mut signature) = (bytes(&test["msg"]), bytes(&test["sig"]));
            let good = test["result"] == "valid";
            // Two vectors are signatures of the other scheme.
            let other = ["SHA-256", "SHA-384"]
                .map(|hash| test["comment"] == format!("PKCS #1 v1.5 signature with {hash}"));
            for (hash, pkcs1) in [Hash::Sha256, Hash::Sha384].into_iter().zip(other) {
                let expected = (Some(good && hash == Hash::Sha384), Some(pkcs1));
                let verdicts = judge(hash, &message, &signature);
                assert_eq!(verdicts, expected, "{}", test["tcId"]);
                schemes += u32::from(pkcs1);
            }
            if good {
                valid += 1;
            } else {
                invalid += 1;
                continue;
            }
            let longer = [&[0], signature.as_slice()].concat();
            assert_eq!(judge(Hash::Sha384, &message, &longer), refused);
            let mut changed = signature.clone();
            changed[numbers.below(modulus.len())] ^= 1 << numbers.below(8);
            assert_eq!(judge(Hash::Sha384, &message, &changed), refused);
            // The same number under this modulus, in as many bytes.
            if add(&mut signature, modulus) {
                past += 1;
                assert_eq!(judge(Hash::Sha384, &message, &signature), refused);
            }
        }
    }
    assert!(
        valid > 80 && invalid > 40 && past > 0 && schemes == 2,
        "{valid} {invalid} {past} {schemes}"
    );
}

/// Graviola would panic without its instructions. Its debug builds let the environment take one away, so this test runs itself without.
#[cfg(all(
    feature = "graviola",
    debug_assertions,
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[test]
fn a_processor_without_the_instructions_verifies_all_the_same() {
    const NAME: &str = "keys::tests::a_processor_without_the_instructions_verifies_all_the_same";
    const WITHOUT: &str = "GRAVIOLA_CPU_DISABLE_aes";
    const DONE: &str = "verified without the instructions";
    if std::env::var_os(WITHOUT).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(WITHOUT, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(DONE), "{said}");
        return;
    }
    assert!(!super::assembly::available());
    // The built-in roots sign themselves: RSA, and ECDSA on P-256.
    let anchors = crate::Anchors::hardware();
    assert_eq!(anchors.roots().len(), 3);
    assert!(anchors.intel().is_some());
    // The generator (SEC 2 section 2.5.1).
    let point = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7\
                 3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f";
    let point = hex::decode(point).unwrap().try_into().unwrap();
    let key = P384Key::from_coordinates(&point).unwrap();
    assert!(!key.signed(Hash::Sha384, b"", &[1; 96]));
    println!("{DONE}");
}
