//! Real certificate tables, as Linux gave them out, from the corpus of evidence that `CLOISTER_EVIDENCE` names.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::cmw::{self, Record};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

#[test]
fn a_table_from_configfs_tsm() {
    let Some(corpus) = std::env::var_os("CLOISTER_EVIDENCE") else {
        // Past the capture of test output, so that the skip is seen.
        writeln!(std::io::stderr(), "SKIPPED: CLOISTER_EVIDENCE names no corpus of evidence; no real certificate table was read").unwrap();
        return;
    };
    let case = Path::new(&corpus).join("snp/genoa-v3-tsm-veraison");
    let read = |name: &str| {
        let path = case.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let table = read("auxblob.bin");
    let parsed = CertTable::parse(&table).unwrap();
    let guids: Vec<_> = parsed.iter().map(|(guid, _)| guid).collect();
    assert_eq!(guids, [Guid::ARK, Guid::ASK, Guid::VCEK]);
    assert!(
        parsed
            .iter()
            .all(|(_, blob)| blob.starts_with(b"-----BEGIN CERTIFICATE-----"))
    );
    let entries: Vec<_> = parsed.iter().collect();
    assert_eq!(
        CertTable::encode(&entries).unwrap(),
        table,
        "the writer lays a table out as the host did"
    );

    let evidence = Evidence {
        kind: EvidenceKind::Snp,
        report: read("report.bin"),
        auxiliary: table,
    };
    assert_eq!(evidence.report.len(), 1184);
    assert_eq!(Evidence::decode(&evidence.encode().unwrap()), Ok(evidence));
}

fn any_guid() -> impl Strategy<Value = Guid> {
    prop::array::uniform16(1_u8..).prop_map(Guid)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_round_trip(
        blobs in prop::collection::btree_map(any_guid(), prop::collection::vec(any::<u8>(), 1..50), 0..10),
        padding in 0_usize..100,
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let entries: Vec<_> = blobs.iter().map(|(guid, blob)| (*guid, &blob[..])).collect();
        let mut table = CertTable::encode(&entries).unwrap();
        table.resize(table.len() + padding, 0);
        prop_assert_eq!(CertTable::parse(&table).unwrap().iter().collect::<Vec<_>>(), entries);
        let at = flip.0.index(table.len());
        table[at] ^= flip.1;
        // Whatever still parses lies inside the table.
        if let Ok(parsed) = CertTable::parse(&table) {
            let range = table.as_ptr_range();
            prop_assert!(parsed.iter().all(|(_, blob)| range.contains(&blob.as_ptr()) && !blob.is_empty()));
        }
    }

    #[test]
    fn frames_have_one_encoding(
        media_type in ".{0,60}",
        value in prop::collection::vec(any::<u8>(), 0..400),
        indicator in any::<u64>(),
        flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let record = Record { media_type: &media_type, value: &value, indicator };
        let mut frame = record.encode();
        prop_assert_eq!(Record::decode(&frame), Ok(record));
        let at = flip.0.index(frame.len());
        frame[at] ^= flip.1;
        if let Ok(other) = Record::decode(&frame) {
            prop_assert_eq!(other.encode(), frame);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Evidence::decode(&bytes).is_ok();
        let _ = CertTable::parse(&bytes).is_ok();
        let frame = Record { media_type: "application/vnd.cloister.tdx+cbor", value: &bytes, indicator: cmw::EVIDENCE }.encode();
        let _ = Evidence::decode(&frame).is_ok();
    }
}
