//! The decoders of `enclave/wire` and `enclave/token`.

use cloister_token::IssuerKey;
use cloister_wire::bhttp::{Fields, Request, RequestHead, Response};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::cmw::Record;
use cloister_wire::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KeyConfigs};
use cloister_wire::ohttp::{EncapsulatedRequest, EncapsulatedResponse, response_salt};
use cloister_wire::problem::Problem;
use cloister_wire::summary::{Full, Keep, SummaryRequest};
use cloister_wire::{bhttp, date as dates};
use std::cell::RefCell;
use std::hint::black_box;

/// Reads every line of a section, and asks for one as the service does.
fn read_fields(fields: &Fields<'_>) {
    let lines = fields.iter().count();
    assert!(lines <= bhttp::MAX_FIELDS);
    let _ = black_box(fields.single(b"content-type"));
}

pub(crate) fn bhttp_request(data: &[u8]) {
    let Ok(request) = Request::decode(data) else {
        return;
    };
    read_fields(&request.fields);
    read_fields(&request.trailers);
    let length: usize = request.content.pieces().map(<[u8]>::len).sum();
    assert_eq!(length, request.content.len());
    assert!(length <= data.len());
    // What was read can be written: the limits of the reader and of the writer are the same.
    let mut fields = [bhttp::Field {
        name: b"a",
        value: b"",
    }; bhttp::MAX_FIELDS];
    let lines = fields
        .iter_mut()
        .zip(request.fields.iter())
        .map(|(to, from)| *to = from)
        .count();
    let head = RequestHead {
        method: request.method,
        scheme: request.scheme,
        authority: request.authority,
        path: request.path,
        fields: fields.get(..lines).unwrap_or_default(),
    };
    assert!(head.encoded_len(length).is_ok());
}

pub(crate) fn bhttp_response(data: &[u8]) {
    let Ok(response) = Response::decode(data) else {
        return;
    };
    for informational in &response.informational {
        assert!((100..200).contains(&informational.status));
        read_fields(&informational.fields);
    }
    assert!((200..600).contains(&response.status));
    read_fields(&response.fields);
    read_fields(&response.trailers);
    let length: usize = response.content.pieces().map(<[u8]>::len).sum();
    assert_eq!(length, response.content.len());
}

pub(crate) fn certificate_table(data: &[u8]) {
    let Ok(table) = CertTable::parse(data) else {
        return;
    };
    let entries: Vec<(Guid, &[u8])> = table.iter().collect();
    for (guid, blob) in &entries {
        assert_eq!(table.find(*guid), Some(*blob));
    }
    let Ok(written) = CertTable::encode(&entries) else {
        unreachable!("a table that was read cannot be written");
    };
    let again = CertTable::parse(&written).map(|table| table.iter().eq(entries.iter().copied()));
    assert_eq!(again, Ok(true));
}

pub(crate) fn date(data: &[u8]) {
    if let Some(time) = dates::parse(data) {
        // A date has one spelling.
        assert_eq!(
            dates::format(time).as_ref().map(<[u8; 29]>::as_slice),
            Some(data)
        );
    }
}

pub(crate) fn issuer_key(data: &[u8]) {
    let mut rest = data;
    let Ok(key) = IssuerKey::from_spki(part(&mut rest)) else {
        return;
    };
    black_box(key.verify(rest, &[0; 32]).is_ok());
}

use crate::part;

pub(crate) fn key_configs(data: &[u8]) {
    let Ok(configs) = KeyConfigs::decode(data) else {
        return;
    };
    // A collection has one encoding: the bytes that were hashed are the bytes that were read.
    assert_eq!(configs.encode().as_deref(), Ok(data));
}

pub(crate) fn message_record(data: &[u8]) {
    if let Ok(record) = Record::decode(data) {
        assert_eq!(record.encode(), data);
    }
}

pub(crate) fn ohttp_request(data: &[u8]) {
    let Ok(request) = EncapsulatedRequest::decode(data) else {
        return;
    };
    let header = request.header.encode();
    assert!(data.starts_with(&header));
    assert_eq!(
        data.len(),
        header.len() + request.enc.len() + request.ciphertext.len()
    );
}

pub(crate) fn ohttp_response(data: &[u8]) {
    for aead in [AEAD_AES128GCM, AEAD_CHACHA20POLY1305, 0xffff] {
        if let Ok(response) = EncapsulatedResponse::decode(data, aead) {
            assert_eq!(data.len(), response.nonce.len() + response.ciphertext.len());
            black_box(response.nonce);
        }
    }
    // The salt copies two parts of fixed length and nothing that the peer chooses the length of.
    let _: fn(&[u8], &[u8]) -> Vec<u8> = response_salt;
}

pub(crate) fn problem(data: &[u8]) {
    if let Some(problem) = Problem::from_json(data) {
        assert!(Problem::ALL.contains(&problem));
        assert_eq!(Problem::from_json(problem.json().as_bytes()), Some(problem));
    }
}

/// Keeps texts with escapes in blocks of its own, as the service does in locked memory.
struct Kept(RefCell<Vec<Box<str>>>, &'static str);

impl Keep for Kept {
    fn keep(&self, text: &str) -> Result<&str, Full> {
        self.0.borrow_mut().push(text.into());
        // The length is what matters to the decoder; the text itself is answered from a constant.
        self.1.get(..text.len().min(1)).ok_or(Full)
    }
}

pub(crate) fn summary_request(data: &[u8]) {
    let kept = Kept(RefCell::default(), "x");
    let Ok(request) = SummaryRequest::decode(data, &kept) else {
        return;
    };
    let Ok(length) = request.encoded_len() else {
        unreachable!("a request that was read cannot be written");
    };
    let mut written = vec![0; length];
    assert_eq!(request.encode_into(&mut written), Ok(length));
    let again = SummaryRequest::decode(&written, &kept);
    assert!(again.is_ok_and(|again| again == request));
}
