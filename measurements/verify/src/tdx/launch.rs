//! Steps 8 to 11: the module, what the TD was launched with, who owns it, and the machine.

use super::body::Body;
use super::pck::Pck;
use super::rules;
use crate::policy::{Bit, Bits, Demand, Exact, Machine, Policy, Smt};
use crate::trail::{Rule, Trail};

/// Bits of `ATTRIBUTES` (Intel TDX module ABI, ATTRIBUTES), little-endian.
pub(super) const DEBUG: u32 = 0;
const ICSSD: u32 = 16;
const LASS: u32 = 27;
pub(super) const SEPT_VE_DISABLE: u32 = 28;
pub(super) const MIGRATABLE: u32 = 29;
pub(super) const PKS: u32 = 30;
pub(super) const KL: u32 = 31;
const TPA: u32 = 62;
pub(super) const PERFMON: u32 = 63;
/// The untrusted-debug byte.
const TUD: u64 = 0xff;
/// The bits that have a name.
const NAMED: u64 = TUD
    | 1 << ICSSD
    | 1 << LASS
    | 1 << SEPT_VE_DISABLE
    | 1 << MIGRATABLE
    | 1 << PKS
    | 1 << KL
    | 1 << TPA
    | 1 << PERFMON;
/// `XFAM` bits that every TD has: x87 and SSE (Intel TDX module, `TDX_XFAM_FIXED1`).
const XFAM_FIXED_1: u64 = 0x3;
/// `XFAM` bits that a TD can have (Intel TDX module, `TDX_XFAM_FIXED0`).
const XFAM_FIXED_0: u64 = 0x6_dbe7;
/// Groups of `XFAM` bits of which a TD has all or none: AVX-512, CET, AMX (Intel TDX module, `check_xfam`).
const XFAM_GROUPS: [u64; 3] = [0xe0, 0x1800, 0x6_0000];
/// AVX-512, and AVX, which it needs.
const XFAM_AVX_512: u64 = 0xe0;
const XFAM_AVX: u64 = 0x4;

/// Judges the body of a quote.
pub(super) fn judge(trail: &mut Trail, body: &Body, policy: &Policy) {
    let rules = &policy.rules.tdx;
    judge_exact(
        trail,
        &rules::SEAM_ATTRIBUTES,
        &body.seam_attributes,
        rules.seam.attributes.value,
    );
    judge_exact(
        trail,
        &rules::SEAM_SIGNER,
        &body.mr_signer_seam,
        rules.seam.signer.value,
    );

    let attributes = u64::from_le_bytes(body.td_attributes);
    let demands = &rules.attributes;
    for (rule, mask, demand) in [
        (&rules::ATTRIBUTES_DEBUG, TUD, demands.debug.value),
        (&rules::ATTRIBUTES_RESERVED, !NAMED, demands.reserved.value),
        (&rules::ATTRIBUTES_ICSSD, 1 << ICSSD, demands.icssd.value),
        (
            &rules::ATTRIBUTES_SEPT_VE,
            1 << SEPT_VE_DISABLE,
            demands.sept_ve_disable.value,
        ),
        (
            &rules::ATTRIBUTES_MIGRATABLE,
            1 << MIGRATABLE,
            demands.migratable.value,
        ),
        (&rules::ATTRIBUTES_PKS, 1 << PKS, demands.pks.value),
        (&rules::ATTRIBUTES_KL, 1 << KL, demands.kl.value),
        (
            &rules::ATTRIBUTES_PERFMON,
            1 << PERFMON,
            demands.perfmon.value,
        ),
    ] {
        judge_bits(trail, rule, attributes, mask, demand);
    }
    judge_xfam(trail, body, policy);

    let identity = &rules.identity;
    let [_, _, _, rtmr3] = &body.rtmr;
    for (rule, found, demand) in [
        (
            &rules::MR_CONFIG_ID,
            &body.mr_config_id,
            identity.mrconfigid.value,
        ),
        (&rules::MR_OWNER, &body.mr_owner, identity.mrowner.value),
        (
            &rules::MR_OWNER_CONFIG,
            &body.mr_owner_config,
            identity.mrownerconfig.value,
        ),
        (&rules::RTMR3, rtmr3, identity.rtmr3.value),
    ] {
        judge_exact(trail, rule, found, demand);
    }
    match (&body.current, identity.mrservicetd.value) {
        (Some(current), demand) => {
            judge_exact(trail, &rules::MR_SERVICE_TD, &current.mr_service_td, demand);
        }
        (None, Exact::Any) => trail.not_asked(&rules::MR_SERVICE_TD, "a TD 1.0 body has none"),
        (None, Exact::Bytes(bytes)) => {
            trail.check(
                &rules::MR_SERVICE_TD,
                false,
                hex::encode(bytes),
                "a TD 1.0 body, which does not say",
            );
        }
    }
}

fn judge_exact<const N: usize>(trail: &mut Trail, rule: &Rule, found: &[u8; N], demand: Exact<N>) {
    match demand {
        Exact::Any => trail.not_asked(rule, hex::encode(found)),
        Exact::Bytes(bytes) => {
            trail.check(
                rule,
                bytes == *found,
                hex::encode(bytes),
                hex::encode(found),
            );
        }
    }
}

/// The bits under a mask: all one when required, all zero when refused.
fn judge_bits(trail: &mut Trail, rule: &Rule, attributes: u64, mask: u64, demand: Bit) {
    let found = format!("{:#x}", attributes & mask);
    match demand {
        Bit::Any => trail.not_asked(rule, found),
        Bit::Required => {
            let passed = attributes & mask == mask;
            trail.check(rule, passed, format!("{mask:#x}"), found);
        }
        Bit::Refused => {
            trail.check(rule, attributes & mask == 0, "0x0", found);
        }
    }
}

fn judge_xfam(trail: &mut Trail, body: &Body, policy: &Policy) {
    let xfam = u64::from_le_bytes(body.xfam);
    let demands = &policy.rules.tdx.xfam;
    let found = format!("{xfam:#x}");
    match demands.fixed.value {
        Demand::Any => trail.not_asked(&rules::XFAM_FIXED, found.as_str()),
        Demand::Required => {
            trail.check(
                &rules::XFAM_FIXED,
                xfam_is_possible(xfam),
                format!(
                    "at least {XFAM_FIXED_1:#x}, at most {XFAM_FIXED_0:#x}, AVX-512, CET and AMX each whole"
                ),
                found.as_str(),
            );
        }
    }
    let bits = |bits, any| match bits {
        Bits::Any => any,
        Bits::These(bits) => bits,
    };
    match (demands.at_least.value, demands.at_most.value) {
        (Bits::Any, Bits::Any) => trail.not_asked(&rules::XFAM, found),
        (least, most) => {
            let (least, most) = (bits(least, 0), bits(most, u64::MAX));
            trail.check(
                &rules::XFAM,
                xfam & least == least && xfam & !most == 0,
                format!("at least {least:#x}, at most {most:#x}"),
                found,
            );
        }
    }
}

/// Whether a TDX module makes a TD with these features (Intel TDX module, `check_xfam`).
fn xfam_is_possible(xfam: u64) -> bool {
    let whole = |group: &u64| xfam & group == 0 || xfam & group == *group;
    xfam & XFAM_FIXED_1 == XFAM_FIXED_1
        && xfam & !XFAM_FIXED_0 == 0
        && XFAM_GROUPS.iter().all(whole)
        && (xfam & XFAM_AVX_512 == 0 || xfam & XFAM_AVX != 0)
}

/// Judges the machine by its PCK certificate.
pub(super) fn judge_machine(trail: &mut Trail, pck: &Pck, policy: &Policy) {
    let rules = &policy.rules.tdx;
    let machine = policy.machine(&pck.ppid);
    judge_smt(trail, pck, machine, rules.platform.smt.value);
    let found = match machine {
        Some(machine) => machine.name.clone(),
        None => format!("PPID {}", hex::encode(pck.ppid)),
    };
    match rules.machine.listed.value {
        Demand::Any => trail.not_asked(&rules::MACHINE, found),
        Demand::Required => {
            let expected = format!("one of {} listed machines", policy.machines().len());
            trail.check(&rules::MACHINE, machine.is_some(), expected, found);
        }
    }
}

/// Sibling threads. A certificate that does not say counts as one that says they are on.
fn judge_smt(trail: &mut Trail, pck: &Pck, machine: Option<&Machine>, demand: Smt) {
    let off = pck.smt == Some(false);
    let found = match pck.smt {
        Some(true) => "on",
        Some(false) => "off",
        None => "not said",
    };
    match demand {
        Smt::Any => trail.not_asked(&rules::PLATFORM_SMT, found),
        Smt::Refused => {
            trail.check(&rules::PLATFORM_SMT, off, "off", found);
        }
        Smt::Listed => {
            let listed = machine.is_some_and(|machine| machine.smt);
            let expected = "off, or a machine listed with them";
            trail.check(&rules::PLATFORM_SMT, off || listed, expected, found);
        }
    }
}
