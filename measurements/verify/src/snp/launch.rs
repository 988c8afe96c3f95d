//! Steps 6 to 10: TCB, guest policy, platform, identity and machine against the policy.

use super::chain::Chain;
use super::product::Product;
use super::report::{Report, Signer};
use super::rules;
use super::tcb::{Component, Tcb};
use super::{chip_id_is, list};
use crate::policy::{Bit, Demand, Exact, Machine, Policy, Smt};
use crate::trail::{Rule, Trail};

/// Bits of the guest policy that are defined from 26 on: none.
const POLICY_RESERVED: u64 = !0 << 26;
/// Bits of the platform information that are defined from 8 on: none.
const PLATFORM_RESERVED: u64 = !0 << 8;

pub(super) fn judge(
    trail: &mut Trail,
    report: &Report,
    chain: &Chain,
    product: Option<Product>,
    machine: Option<&Machine>,
    policy: &Policy,
) {
    // 6. The TCB.
    match product {
        Some(product) => judge_tcb(trail, report, product, policy),
        None => {
            for rule in [
                &rules::TCB_ORDER,
                &rules::TCB_COMMITTED,
                &rules::TCB_FLOOR_LAUNCH,
                &rules::TCB_FLOOR_REPORTED,
                &rules::TCB_FLOOR_COMMITTED,
                &rules::TCB_MITIGATIONS,
            ] {
                trail.not_evaluated(rule, "the product and its TCB layout are not known");
            }
        }
    }
    let may_have_siblings = machine.is_some_and(|machine| machine.smt);
    // 7. The guest policy.
    judge_guest_policy(trail, report.policy, may_have_siblings, policy);
    // 8. The platform.
    judge_platform(trail, report.platform_info, may_have_siblings, policy);
    // 9. Who asked and what was launched.
    judge_identity(trail, report, policy);
    // 10. The machine.
    judge_machine(trail, report, chain, machine, policy);
}

fn judge_tcb(trail: &mut Trail, report: &Report, product: Product, policy: &Policy) {
    let demands = &policy.rules.snp.tcb;
    let of = |bytes| Tcb::of_bytes(bytes, product.line()).0;
    let (current, reported) = (of(report.current_tcb), of(report.reported_tcb));
    let (committed, launch) = (of(report.committed_tcb), of(report.launch_tcb));

    match demands.reported_at_most_current.value {
        Demand::Any => trail.not_asked(&rules::TCB_ORDER, reported.to_string()),
        Demand::Required => {
            trail.check(
                &rules::TCB_ORDER,
                reported.at_most(&current),
                format!("at most {current}"),
                reported.to_string(),
            );
        }
    }
    let describe = |tcb: Tcb, firmware| format!("{tcb}, firmware {firmware}");
    match demands.committed_equals_current.value {
        Demand::Any => trail.not_asked(
            &rules::TCB_COMMITTED,
            describe(committed, report.committed_firmware),
        ),
        Demand::Required => {
            trail.check(
                &rules::TCB_COMMITTED,
                committed == current && report.committed_firmware == report.current_firmware,
                describe(current, report.current_firmware),
                describe(committed, report.committed_firmware),
            );
        }
    }
    for (rule, tcb) in [
        (&rules::TCB_FLOOR_LAUNCH, launch),
        (&rules::TCB_FLOOR_REPORTED, reported),
        (&rules::TCB_FLOOR_COMMITTED, committed),
    ] {
        match demands.floors.value {
            Demand::Any => trail.not_asked(rule, tcb.to_string()),
            Demand::Required => judge_floor(trail, rule, tcb, report, product, policy),
        }
    }
    judge_mitigations(trail, report, product, policy);
}

/// One TCB against the floor of its product and stepping. Without a floor for firmware and microcode nothing passes.
fn judge_floor(
    trail: &mut Trail,
    rule: &Rule,
    tcb: Tcb,
    report: &Report,
    product: Product,
    policy: &Policy,
) {
    let Some(cpuid) = report.cpuid else {
        trail.check(
            rule,
            false,
            "a floor for this stepping",
            "a report that does not name its stepping",
        );
        return;
    };
    let floor = |component| policy.floor(product, cpuid.stepping, component);
    if floor(Component::Snp).is_none() || floor(Component::Microcode).is_none() {
        trail.check(
            rule,
            false,
            "a floor for this product and stepping",
            format!("no floor for {product} stepping {}", cpuid.stepping),
        );
        return;
    }
    let mut expected = Vec::new();
    let mut passed = true;
    for component in Component::ALL {
        if let Some((at_least, bulletin)) = floor(component) {
            expected.push(format!("{} >= {at_least} ({bulletin})", component.name()));
            passed &= tcb.level(component) >= Some(at_least);
        }
    }
    trail.check(rule, passed, expected.join(", "), tcb.to_string());
}

fn judge_mitigations(trail: &mut Trail, report: &Report, product: Product, policy: &Policy) {
    let found = match report.mitigations {
        None => "a report without mitigation vectors".to_owned(),
        Some(vectors) => format!(
            "launch {:#x}, current {:#x}",
            vectors.launch, vectors.current
        ),
    };
    match policy.rules.snp.tcb.mitigations.value {
        Demand::Any => trail.not_asked(&rules::TCB_MITIGATIONS, found),
        Demand::Required => {
            let mask = policy.mitigations(product);
            let passed = report.mitigations.map_or(mask == 0, |vectors| {
                vectors.launch & mask == mask && vectors.current & mask == mask
            });
            trail.check(
                &rules::TCB_MITIGATIONS,
                passed,
                format!("all bits of {mask:#x}, at launch and now"),
                found,
            );
        }
    }
}

/// Judges one bit of a word.
fn judge_bit(trail: &mut Trail, rule: &Rule, word: u64, bit: u32, demand: Bit) {
    let set = word >> bit & 1 == 1;
    let say = |set| {
        if set {
            format!("bit {bit} set")
        } else {
            format!("bit {bit} clear")
        }
    };
    match demand {
        Bit::Any => trail.not_asked(rule, say(set)),
        Bit::Required => {
            trail.check(rule, set, say(true), say(set));
        }
        Bit::Refused => {
            trail.check(rule, !set, say(false), say(set));
        }
    }
}

/// Judges a bit that says that sibling threads may be on, or are.
fn judge_smt(trail: &mut Trail, rule: &Rule, word: u64, bit: u32, demand: Smt, listed: bool) {
    match demand {
        Smt::Any => judge_bit(trail, rule, word, bit, Bit::Any),
        Smt::Refused => judge_bit(trail, rule, word, bit, Bit::Refused),
        Smt::Listed if listed => judge_bit(trail, rule, word, bit, Bit::Any),
        Smt::Listed => {
            let set = word >> bit & 1 == 1;
            trail.check(
                rule,
                !set,
                format!("bit {bit} clear, or a machine listed with smt = true"),
                if set {
                    format!("bit {bit} set")
                } else {
                    format!("bit {bit} clear")
                },
            );
        }
    }
}

fn judge_guest_policy(trail: &mut Trail, word: u64, may_have_siblings: bool, policy: &Policy) {
    let demands = &policy.rules.snp.guest_policy;
    trail.check(
        &rules::POLICY_RESERVED,
        word >> 17 & 1 == 1 && word & POLICY_RESERVED == 0,
        "bit 17 set, bits above 25 clear",
        format!("policy {word:#x}"),
    );
    judge_smt(
        trail,
        &rules::POLICY_SMT,
        word,
        16,
        demands.smt.value,
        may_have_siblings,
    );
    for (rule, bit, demand) in [
        (&rules::POLICY_MIGRATION, 18, demands.migration_agent.value),
        (&rules::POLICY_DEBUG, 19, demands.debug.value),
        (
            &rules::POLICY_SINGLE_SOCKET,
            20,
            demands.single_socket.value,
        ),
        (&rules::POLICY_CXL, 21, demands.cxl.value),
        (&rules::POLICY_XTS, 22, demands.aes_256_xts.value),
        (&rules::POLICY_RAPL, 23, demands.rapl_off.value),
        (&rules::POLICY_HIDING, 24, demands.ciphertext_hiding.value),
        (&rules::POLICY_SWAP, 25, demands.page_swap_off.value),
    ] {
        judge_bit(trail, rule, word, bit, demand);
    }
}

fn judge_platform(trail: &mut Trail, word: u64, may_have_siblings: bool, policy: &Policy) {
    let demands = &policy.rules.snp.platform;
    trail.check(
        &rules::PLATFORM_RESERVED,
        word & PLATFORM_RESERVED == 0,
        "bits above 7 clear",
        format!("platform {word:#x}"),
    );
    judge_smt(
        trail,
        &rules::PLATFORM_SMT,
        word,
        0,
        demands.smt.value,
        may_have_siblings,
    );
    for (rule, bit, demand) in [
        (&rules::PLATFORM_TSME, 1, demands.tsme.value),
        (&rules::PLATFORM_ECC, 2, demands.ecc.value),
        (&rules::PLATFORM_RAPL, 3, demands.rapl_off.value),
        (&rules::PLATFORM_HIDING, 4, demands.ciphertext_hiding.value),
        (&rules::PLATFORM_ALIAS, 5, demands.alias_check.value),
        (&rules::PLATFORM_IOMMU, 6, demands.iommu_write_safe.value),
        (&rules::PLATFORM_TIO, 7, demands.tio.value),
    ] {
        judge_bit(trail, rule, word, bit, demand);
    }
}

/// Judges a field that must hold certain bytes.
fn judge_exact<const N: usize>(trail: &mut Trail, rule: &Rule, demand: Exact<N>, found: &[u8; N]) {
    match demand {
        Exact::Any => trail.not_asked(rule, hex::encode(found)),
        Exact::Bytes(expected) => {
            trail.check(
                rule,
                expected == *found,
                hex::encode(expected),
                hex::encode(found),
            );
        }
    }
}

fn judge_identity(trail: &mut Trail, report: &Report, policy: &Policy) {
    let demands = &policy.rules.snp.identity;
    let levels = &demands.vmpl.value;
    trail.check(
        &rules::VMPL,
        levels.contains(&report.vmpl),
        format!("VMPL {}", list(levels)),
        if report.vmpl == u32::MAX {
            "a report that the host asked for".into()
        } else {
            format!("VMPL {}", report.vmpl)
        },
    );
    let minimum = demands.guest_svn_minimum.value;
    trail.check(
        &rules::GUEST_SVN,
        report.guest_svn >= minimum,
        format!("at least {minimum}"),
        report.guest_svn.to_string(),
    );
    judge_exact(
        trail,
        &rules::FAMILY_ID,
        demands.family_id.value,
        &report.family_id,
    );
    judge_exact(
        trail,
        &rules::IMAGE_ID,
        demands.image_id.value,
        &report.image_id,
    );
    judge_exact(
        trail,
        &rules::HOST_DATA,
        demands.host_data.value,
        &report.host_data,
    );
    judge_exact(
        trail,
        &rules::ID_KEY,
        demands.id_key_digest.value,
        &report.id_key_digest,
    );
    // A digest without an author, or an author without a digest, is no state of the firmware.
    let author = report.author_key_digest != [0; 48];
    if author == report.author_key_used() {
        judge_exact(
            trail,
            &rules::AUTHOR_KEY,
            demands.author_key_digest.value,
            &report.author_key_digest,
        );
    } else {
        trail.check(
            &rules::AUTHOR_KEY,
            false,
            "AUTHOR_KEY_EN set exactly when there is a digest",
            format!(
                "AUTHOR_KEY_EN {}, digest {}",
                u8::from(report.author_key_used()),
                hex::encode(report.author_key_digest)
            ),
        );
    }
}

/// The machine is known by the hardware id that its certificate vouches for, never by the report's chip id alone.
fn judge_machine(
    trail: &mut Trail,
    report: &Report,
    chain: &Chain,
    machine: Option<&Machine>,
    policy: &Policy,
) {
    let id = chain
        .leaf
        .as_ref()
        .and_then(|leaf| leaf.hardware_id.as_deref())
        .filter(|id| chip_id_is(&report.chip_id, id));
    let found = match (report.signer(), id, machine) {
        (Some(Signer::Vlek), _, _) => "a VLEK, which hides the machine".to_owned(),
        (_, None, _) => "a machine that no certificate vouches for".into(),
        (_, Some(id), None) => hex::encode(id),
        (_, Some(id), Some(machine)) => format!("{} ({})", machine.name, hex::encode(id)),
    };
    match policy.rules.snp.machine.listed.value {
        Demand::Any => trail.not_asked(&rules::MACHINE, found),
        Demand::Required => {
            let listed = report.signer() == Some(Signer::Vcek) && machine.is_some();
            trail.check(
                &rules::MACHINE,
                listed,
                format!("one of {} listed machines", policy.machines().len()),
                found,
            );
        }
    }
}
