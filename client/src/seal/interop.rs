//! Sealing, judged by the `ohttp` crate: what we seal opens there, what it answers opens here, and nothing else does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use super::*;
use ohttp::hpke::{Aead as PeerAead, Kdf, Kem as PeerKem};
use ohttp::{KeyConfig as PeerConfig, Server, ServerResponse, SymmetricSuite};

const MESSAGE: [u8; pad::LOWEST] = [7; pad::LOWEST];

fn peer(key_id: u8, kem: PeerKem, aeads: &[PeerAead]) -> Server {
    let suites = aeads
        .iter()
        .map(|aead| SymmetricSuite::new(Kdf::HkdfSha256, *aead))
        .collect();
    Server::new(PeerConfig::new(key_id, kem, suites).unwrap()).unwrap()
}

fn collection(servers: &[&Server]) -> Vec<u8> {
    let configs: Vec<_> = servers.iter().map(|server| server.config()).collect();
    PeerConfig::encode_list(&configs).unwrap()
}

fn seal_for(servers: &[&Server]) -> Result<(SealedRequest, ReplyOpener), SealError> {
    let configs = KeyConfigs::decode(&collection(servers)).map_err(SealError::KeyConfigs)?;
    seal_to(&configs, &MESSAGE)
}

fn round_trip(server: &Server, suite: &str, reply_size: usize) {
    let (sealed, opener) = seal_for(&[server]).unwrap();
    assert_eq!(sealed.suite(), suite);
    let (plaintext, response) = server.decapsulate(&sealed.into_bytes()).unwrap();
    assert_eq!(plaintext, MESSAGE);
    let reply = response.encapsulate(&vec![9; reply_size]).unwrap();
    assert_eq!(opener.open(&reply).unwrap().as_slice(), vec![9; reply_size]);
}

fn exchange() -> (ServerResponse, ReplyOpener) {
    let server = peer(1, PeerKem::XWing, &[PeerAead::Aes128Gcm]);
    let (sealed, opener) = seal_for(&[&server]).unwrap();
    let (_, response) = server.decapsulate(&sealed.into_bytes()).unwrap();
    (response, opener)
}

#[test]
fn every_suite_works_with_the_ohttp_crate_both_ways() {
    use PeerAead::{Aes128Gcm, ChaCha20Poly1305};
    for (kem, aead, suite) in [
        (
            PeerKem::XWing,
            Aes128Gcm,
            "X-Wing, HKDF-SHA256, AES-128-GCM",
        ),
        (
            PeerKem::XWing,
            ChaCha20Poly1305,
            "X-Wing, HKDF-SHA256, ChaCha20-Poly1305",
        ),
        (
            PeerKem::X25519Sha256,
            Aes128Gcm,
            "X25519, HKDF-SHA256, AES-128-GCM",
        ),
        (
            PeerKem::X25519Sha256,
            ChaCha20Poly1305,
            "X25519, HKDF-SHA256, ChaCha20-Poly1305",
        ),
    ] {
        // A response under ChaCha20-Poly1305 has a nonce of 32 bytes (RFC 9458 section 4.4).
        round_trip(&peer(7, kem, &[aead]), suite, pad::LOWEST);
        round_trip(&peer(0, kem, &[aead]), suite, pad::HIGHEST);
    }
}

#[test]
fn the_enclave_opens_what_the_device_seals_and_the_device_its_reply() {
    let now = 1_795_000_000;
    let ring = cloister_seal::KeyRing::generate().unwrap();
    let window = cloister_seal::ReplayWindow::new(now);
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let (sealed, opener) = seal_to(&configs, &MESSAGE).unwrap();
    assert_eq!(sealed.suite(), "X-Wing, HKDF-SHA256, AES-128-GCM");
    let opened = ring.open(&sealed.into_bytes(), &window, now).unwrap();
    assert_eq!(opened.plaintext(), MESSAGE);
    let (_, sealer) = opened.into_parts();
    let mut plaintext = cloister_memory::Locked::with_capacity(pad::LOWEST).unwrap();
    plaintext.extend_from_slice(&[5; pad::LOWEST]).unwrap();
    let reply = sealer.seal(plaintext).unwrap();
    assert_eq!(opener.open(&reply).unwrap().as_slice(), [5; pad::LOWEST]);
}

#[test]
fn a42_the_order_of_suites_is_ours() {
    use PeerAead::{Aes128Gcm, ChaCha20Poly1305};
    let classical = peer(1, PeerKem::X25519Sha256, &[Aes128Gcm, ChaCha20Poly1305]);
    let hybrid = peer(2, PeerKem::XWing, &[ChaCha20Poly1305, Aes128Gcm]);
    for servers in [[&classical, &hybrid], [&hybrid, &classical]] {
        let (sealed, _) = seal_for(&servers).unwrap();
        assert_eq!(sealed.suite(), "X-Wing, HKDF-SHA256, AES-128-GCM");
        assert_eq!(sealed.into_bytes()[0], 2);
    }
}

#[test]
fn every_request_has_its_own_encapsulated_key() {
    let server = peer(1, PeerKem::XWing, &[PeerAead::Aes128Gcm]);
    let (one, _) = seal_for(&[&server]).unwrap();
    let (two, _) = seal_for(&[&server]).unwrap();
    assert_ne!(one.into_bytes()[7..1127], two.into_bytes()[7..1127]);
}

#[test]
fn a45_only_padded_messages_are_sealed() {
    let server = peer(1, PeerKem::X25519Sha256, &[PeerAead::Aes128Gcm]);
    let configs = KeyConfigs::decode(&collection(&[&server])).unwrap();
    for size in [0, 1, pad::LOWEST - 1, pad::LOWEST + 1, pad::HIGHEST + 1] {
        assert_eq!(
            seal_to(&configs, &vec![0; size]).err(),
            Some(SealError::Unpadded(size))
        );
    }
}

#[test]
fn a42_key_configurations_wrong_anywhere_are_refused_whole() {
    let server = peer(1, PeerKem::XWing, &[PeerAead::Aes128Gcm]);
    let good = collection(&[&server]);
    let refused = |bytes: &[u8]| KeyConfigs::decode(bytes).is_err();
    assert!(!refused(&good));
    assert!(refused(b""));
    assert!(refused(&[&good[..], b"\0"].concat()));
    assert!(refused(&[&good[..], b"\0\x01x"].concat()));
    assert!(refused(&good[..good.len() - 1]));
    // The good one first, and then one with a suite list of three bytes.
    let mut second = vec![0, 40, 9, 0, 0x20];
    second.extend([1; 32]);
    second.extend([0, 3, 0, 1, 0]);
    assert!(refused(&[&good[..], &second].concat()));
}

#[test]
fn a_configuration_with_unknown_suites_only_is_no_panic() {
    // AES-256-GCM only: the `ohttp` client panics on this one.
    let mut config = vec![0, 41, 9, 0, 0x20];
    config.extend([1; 32]);
    config.extend([0, 4, 0, 1, 0, 2]);
    let configs = KeyConfigs::decode(&config).unwrap();
    assert_eq!(seal_to(&configs, &MESSAGE).err(), Some(SealError::NoSuite));
}

#[test]
fn a_key_that_is_no_key_is_refused() {
    // All-zero X25519 points give an all-zero shared secret, which HPKE must refuse (RFC 9180 section 7.1.4).
    let mut config = vec![0, 41, 9, 0, 0x20];
    config.extend([0; 32]);
    config.extend([0, 4, 0, 1, 0, 1]);
    let configs = KeyConfigs::decode(&config).unwrap();
    assert_eq!(seal_to(&configs, &MESSAGE).err(), Some(SealError::BadKey));
}

#[test]
fn a_changed_reply_does_not_open() {
    // One flipped bit anywhere: in the nonce, the ciphertext and the tag. The opener is used up each time, so each has its own.
    let total = 16 + pad::LOWEST + 16;
    for at in [0, 15, 16, 17, total / 2, total - 17, total - 16, total - 1] {
        let (response, opener) = exchange();
        let mut reply = response.encapsulate(&[0; pad::LOWEST]).unwrap();
        assert_eq!(reply.len(), total);
        reply[at] ^= 1;
        assert_eq!(
            opener.open(&reply).err(),
            Some(OpenReplyError::NotAuthentic),
            "byte {at}"
        );
    }
}

#[test]
fn a41_a_cut_reply_is_an_error_of_its_own() {
    for keep in [0, 1, 15, 16, 31] {
        let (response, opener) = exchange();
        let reply = response.encapsulate(&[0; pad::LOWEST]).unwrap();
        assert_eq!(
            opener.open(&reply[..keep]).err(),
            Some(OpenReplyError::Framing(EncapsulationError::Truncated))
        );
    }
    let (response, opener) = exchange();
    let reply = response.encapsulate(&[0; pad::LOWEST]).unwrap();
    assert_eq!(
        opener.open(&reply[..reply.len() - 1]).err(),
        Some(OpenReplyError::NotAuthentic)
    );
    let (_, opener) = exchange();
    assert!(matches!(
        opener.open(&vec![0; MAX_REPLY + 1]).err(),
        Some(OpenReplyError::Framing(EncapsulationError::TooLong { .. }))
    ));
}

#[test]
fn the_reply_to_another_request_does_not_open() {
    let (response, _) = exchange();
    let (_, opener) = exchange();
    let reply = response.encapsulate(&[0; pad::LOWEST]).unwrap();
    assert_eq!(
        opener.open(&reply).err(),
        Some(OpenReplyError::NotAuthentic)
    );
}

#[test]
fn a45_a_reply_off_the_ladder_is_refused() {
    for size in [0, 1, pad::LOWEST + 1] {
        let (response, opener) = exchange();
        let reply = response.encapsulate(&vec![0; size]).unwrap();
        assert_eq!(
            opener.open(&reply).err(),
            Some(OpenReplyError::Unpadded(size))
        );
    }
}
