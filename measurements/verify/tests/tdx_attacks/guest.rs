//! A16, A17, A18: attributes, owners, machines.

use super::*;

#[test]
fn a18_every_bit_of_the_debug_byte_is_refused() {
    for bit in 0..8 {
        refuses(&["tdx.attributes.debug"], |td| {
            td.put(TDATTRIBUTES, &[1 << bit]);
        });
    }
}

#[test]
fn a16_every_attribute_is_judged() {
    for (rule, bit) in [
        ("tdx.attributes.reserved", 8),
        ("tdx.attributes.reserved", 26),
        ("tdx.attributes.reserved", 32),
        ("tdx.attributes.reserved", 61),
        ("tdx.attributes.sept-ve-disable", 28),
        ("tdx.attributes.migratable", 29),
        ("tdx.attributes.pks", 30),
        ("tdx.attributes.kl", 31),
        ("tdx.attributes.perfmon", 63),
    ] {
        refuses(&[rule], |td| {
            td.body[TDATTRIBUTES + bit / 8] ^= 1 << (bit % 8)
        });
    }
    accepts(|td| td.body[TDATTRIBUTES + 2] ^= 1);
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM, &[0xe5]));
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM + 3, &[1]));
    // Parts of AVX-512, of CET and of AMX; AVX-512 without AVX.
    for xfam in [[0x27, 0x02, 0x06], [0xe7, 0x0a, 0x06], [0xe7, 0x02, 0x02]] {
        refuses(&["tdx.xfam.fixed"], |td| td.put(XFAM, &xfam));
    }
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM, &[0xe3]));
    // AVX is asked for; processor trace, user interrupts and last branch records are not allowed.
    refuses(&["tdx.xfam"], |td| td.put(XFAM, &[0x03, 0x02, 0x06]));
    for bit in [0x01, 0x40, 0x80] {
        refuses(&["tdx.xfam"], |td| td.put(XFAM + 1, &[0x02 | bit]));
    }
    // What hosts give: with and without PKRU, CET and AMX, and no more than is asked for.
    for xfam in [
        [0xe7, 0x00, 0x06],
        [0xe7, 0x1a, 0x06],
        [0xe7, 0x18, 0x06],
        [0x07, 0, 0],
    ] {
        accepts(|td| td.put(XFAM, &xfam));
    }
}

#[test]
fn a16_module_and_owner_fields_are_zero() {
    refuses(&["tdx.module.identity", "tdx.seam.attributes"], |td| {
        td.put(SEAMATTRIBUTES, &[1]);
    });
    refuses(&["tdx.module.identity", "tdx.seam.signer"], |td| {
        td.put(MRSIGNERSEAM + 47, &[1]);
    });
    for (rule, offset) in [
        ("tdx.mrconfigid", MRCONFIGID),
        ("tdx.mrowner", MROWNER),
        ("tdx.mrownerconfig", MROWNERCONFIG),
        ("tdx.mrservicetd", MRSERVICETD),
        ("tdx.rtmr3", RTMR3),
    ] {
        for byte in [0, 47] {
            refuses(&[rule], |td| td.put(offset + byte, &[1]));
        }
    }
    // What a body can not say is not assumed.
    refuses(
        &["tdx.quote.version", "tdx.tcb.current", "tdx.mrservicetd"],
        Td::version_4,
    );
}

#[test]
fn a17_only_listed_machines() {
    refuses(&["tdx.machine"], |td| td.sgx.ppid[0] ^= 1);
    refuses(&["tdx.platform.smt"], |td| td.sgx.smt = true);
    accepts(|td| {
        td.sgx.smt = true;
        td.policy = policy(("", ""), ("", ""), true);
    });
}
