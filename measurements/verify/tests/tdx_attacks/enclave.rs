//! A19, A20, A22, A32: the quoting enclave, and signatures over the bytes received.

use super::*;

#[test]
fn a20_every_signature_counts() {
    refuses(&["tdx.quote.signature"], |td| td.keys.quote = STRANGER);
    refuses(&["tdx.qe.signature"], |td| td.keys.qe_report = STRANGER);
    refuses(&["tdx.chain.leaf"], |td| td.keys.pck = STRANGER);
    refuses(&["tdx.chain.issuer", "tdx.revocation.pck"], |td| {
        td.keys.issuer = STRANGER;
    });
    refuses(&["tdx.tcb-info.signer", "tdx.qe-identity.signer"], |td| {
        td.keys.signer = STRANGER
    });
    refuses(
        &["tdx.tcb-info.signature", "tdx.qe-identity.signature"],
        |td| td.keys.documents = STRANGER,
    );
}

#[test]
fn a32_the_signed_text_is_the_one_received() {
    // White space inside the signed member is signed with it; around it nobody signs it, and it says nothing.
    accepts(|td| td.tcb_info = td.tcb_info.replacen(':', " : ", 2));
    let bend = |from: &'static [u8], to: &'static [u8]| {
        let td = Td::default();
        let mut entries = td.entries();
        let text = &mut entries[0].1;
        let at = text
            .windows(from.len())
            .position(|part| part == from)
            .unwrap();
        text.splice(at..at + from.len(), to.iter().copied());
        let entry = |index: usize| Some(entries[index].1.as_slice());
        let collateral = cloister_verify::Collateral {
            tcb_info: entry(0),
            tcb_info_chain: entry(1),
            qe_identity: entry(2),
            qe_identity_chain: entry(3),
            root_crl: entry(4),
            pck_crl: entry(5),
            pck_crl_chain: entry(6),
        };
        let now = UnixTime(td.now);
        failed(&appraise_quote(&td.quote(), &collateral, &td.policy, &td.anchors(), now).trail)
    };
    assert!(bend(b"{\"tcbInfo\":{", b"{ \"tcbInfo\" : {").is_empty());
    // The same JSON value in other bytes.
    assert_eq!(
        bend(b"\"tcbInfo\":{\"id\":", b"\"tcbInfo\":{\"id\": "),
        ["tdx.tcb-info.signature"]
    );
    assert_eq!(
        bend(
            b"\"tcbInfo\":{\"id\":\"TDX\"",
            b"\"tcbInfo\":{\"id\":\"TD\\u0058\""
        ),
        ["tdx.tcb-info.signature"]
    );
    // A second member, which another reader could take for the first.
    assert!(
        bend(b"{\"tcbInfo\":", b"{\"tcbInfo\":{},\"tcbInfo\":").contains(&"tdx.tcb-info.format")
    );
    assert!(bend(b",\"signature\"", b",\"x\":1,\"signature\"").contains(&"tdx.tcb-info.format"));
}

#[test]
fn a22_the_quoting_enclave_vouches_for_the_key() {
    refuses(&["tdx.qe.binding"], |td| td.qe_report_data = Some([0; 64]));
    // The right hash with something behind it.
    refuses(&["tdx.qe.binding"], |td| {
        let good = Quote::parse(&td.quote()).unwrap();
        let mut data = good.qe_report.report_data;
        data[63] = 1;
        td.qe_report_data = Some(data);
    });
    accepts(|td| td.auth_data = Vec::new());
    accepts(|td| td.auth_data = vec![7; 300]);
}

#[test]
fn a19_the_quoting_enclave_is_intels() {
    refuses(&["tdx.qe.identity"], |td| td.qe_report[128] ^= 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[256] = 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[16] = 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[48] = 0x01);
    refuses(&["tdx.qe.identity", "tdx.qe.debug"], |td| {
        td.qe_report[48] = 0x13;
    });
    // Even if the identity's mask let it through.
    refuses(&["tdx.qe.debug"], |td| {
        td.qe_identity_with("FBFFFFFF", "F9FFFFFF");
        td.qe_report[48] = 0x13;
    });
    // XFRM is not under the mask.
    accepts(|td| td.qe_report[56] = 0xe7);
}
