//! AMD SEV-SNP: a report and its certificates in, a trail of judged rules out.
//!
//! The steps, as they are numbered in the code below:
//!
//! 1. the report: length, version, reserved bytes, signature algorithm, kind and masking of the key (AMD 56860);
//! 2. the certificates: pinned root, signatures, roles, names, validity at the given time, revocation (RFC 5280);
//! 3. the product, from CPUID where the report has it, else from the certificate (AMD 57230);
//! 4. the certificate against the report: product, each patch level, hardware id;
//! 5. the report's signature, over the bytes received;
//! 6. the TCB: order, committed firmware, floors component by component, mitigations;
//! 7. the guest policy, bit by bit;
//! 8. the platform, bit by bit;
//! 9. who asked and what was launched: VMPL, guest SVN, ids, host data, ID block keys;
//! 10. the machine.
//!
//! The measurement, the release and `REPORT_DATA` follow in [`crate::attest()`].

mod chain;
mod claims;
mod launch;
mod leaf;
mod product;
mod report;
pub(crate) mod rules;
mod tcb;

pub use chain::Endorsements;
pub use claims::Claims;
pub use leaf::Leaf;
pub use product::{Cpuid, Line, Product};
pub use report::{Firmware, Mitigations, REPORT_BYTES, Report, ReportError, Signer};
pub use tcb::{Component, Tcb};

use crate::anchors::Anchors;
use crate::keys::Hash;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::trail::Trail;
use chain::Chain;

/// Judges a report and its certificates by every rule; what could not be judged is left out of the trail. Returns what could be read.
pub(crate) fn judge(
    trail: &mut Trail,
    report: &[u8],
    endorsements: &Endorsements<'_>,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Option<Claims> {
    // 1. The report.
    let expected = "a report of 1184 bytes, version 2 to 5";
    let report = match Report::parse(report) {
        Ok(report) => {
            let found = format!("{REPORT_BYTES} bytes, version {}", report.version);
            trail.check(&rules::REPORT_FORMAT, true, expected, found);
            report
        }
        Err(error) => {
            trail.check(&rules::REPORT_FORMAT, false, expected, error.to_string());
            return None;
        }
    };
    judge_report(trail, &report, policy);

    // 2. The certificates. Whoever is no known signer has none.
    let chain = match report.signer() {
        Some(signer) => chain::judge(trail, endorsements, signer, policy, anchors, now),
        None => Chain::default(),
    };

    // 3. The product. A report of version 2 does not name it; its certificate does.
    let named = chain.leaf.as_ref().and_then(Leaf::product);
    let product = match report.cpuid {
        Some(cpuid) => Product::of_cpuid(cpuid),
        None => named,
    };
    let allowed = &policy.rules.snp.products.value;
    trail.check(
        &rules::PRODUCT,
        product.is_some_and(|product| allowed.contains(&product)),
        format!("one of {}", list(allowed)),
        match (product, report.cpuid) {
            (Some(product), Some(cpuid)) => format!("{product} (CPUID {cpuid})"),
            (Some(product), None) => format!("{product} (by its certificate)"),
            (None, Some(cpuid)) => format!("an unknown product (CPUID {cpuid})"),
            (None, None) => "a report that names no product, and no certificate that does".into(),
        },
    );
    let line = product.map(Product::line);
    judge_reserved(trail, &report, line);

    // 4. The certificate against the report.
    if let (Some(leaf), Some(product)) = (&chain.leaf, product) {
        judge_leaf(trail, &report, leaf, product, chain.line);
    }

    // 5. The signature.
    if let Some(key) = &chain.key {
        let found = match report.signature() {
            None => "r or s with more than 384 bits",
            Some(both) if key.signed(Hash::Sha384, report.signed_bytes(), &both) => {
                "a valid signature"
            }
            Some(_) => "a signature that is not valid",
        };
        trail.check(
            &rules::SIGNATURE,
            found == "a valid signature",
            "a valid signature",
            found,
        );
    }

    // 6. to 10. What was launched, where and under which rules.
    let machine = chain
        .leaf
        .as_ref()
        .and_then(|leaf| leaf.hardware_id.as_deref())
        .filter(|id| chip_id_is(&report.chip_id, id))
        .and_then(|id| policy.machine(id));
    launch::judge(trail, &report, &chain, product, machine, policy);

    Some(Claims {
        report,
        product,
        leaf: chain.leaf,
    })
}

/// Step 1, after reading.
fn judge_report(trail: &mut Trail, report: &Report, policy: &Policy) {
    let versions = &policy.rules.snp.report_versions.value;
    trail.check(
        &rules::REPORT_VERSION,
        versions.contains(&report.version),
        format!("version {}", list(versions)),
        format!("version {}", report.version),
    );
    trail.check(
        &rules::SIGNATURE_ALGORITHM,
        report.signature_algorithm == 1,
        "algorithm 1",
        format!("algorithm {}", report.signature_algorithm),
    );
    let signers = &policy.rules.snp.signers.value;
    trail.check(
        &rules::KEY_SIGNER,
        report
            .signer()
            .is_some_and(|signer| signers.contains(&signer)),
        list(signers),
        match (report.signer(), report.signing_key()) {
            (Some(signer), _) => signer.to_string(),
            (None, 7) => "none (7)".into(),
            (None, key) => format!("a reserved value ({key})"),
        },
    );
    trail.check(
        &rules::KEY_MASKED,
        !report.chip_key_masked(),
        "not masked",
        if report.chip_key_masked() {
            "masked"
        } else {
            "not masked"
        },
    );
}

/// Step 1, reserved bytes: those of the TCB versions depend on the product.
fn judge_reserved(trail: &mut Trail, report: &Report, line: Option<Line>) {
    let mut found: Vec<String> = report
        .reserved_not_zero()
        .into_iter()
        .map(String::from)
        .collect();
    if let Some(line) = line {
        for (name, tcb) in [
            ("CURRENT_TCB", report.current_tcb),
            ("REPORTED_TCB", report.reported_tcb),
            ("COMMITTED_TCB", report.committed_tcb),
            ("LAUNCH_TCB", report.launch_tcb),
        ] {
            if !Tcb::of_bytes(tcb, line).1 {
                found.push(format!("reserved bytes of {name}"));
            }
        }
    }
    trail.check(
        &rules::REPORT_RESERVED,
        found.is_empty(),
        "zeroes",
        if found.is_empty() {
            "zeroes".into()
        } else {
            format!("not zero: {}", found.join(", "))
        },
    );
}

/// Step 4.
fn judge_leaf(
    trail: &mut Trail,
    report: &Report,
    leaf: &Leaf,
    product: Product,
    root: Option<Line>,
) {
    let line = product.line();
    let named = leaf.product();
    // Bergamo and Siena have certificates in Genoa's name; otherwise the name is the product's own.
    let same = match product {
        Product::Bergamo => matches!(named, Some(Product::Genoa | Product::Bergamo)),
        Product::TurinDense => named == Some(Product::Turin),
        other => named == Some(other),
    };
    let rooted = root.is_none_or(|root| root == line);
    trail.check(
        &rules::VEK_PRODUCT,
        same && leaf.fits(line) && rooted,
        format!("a certificate for {product} under ARK-{line}"),
        format!(
            "{:?}, structure version {}{}",
            leaf.product_name,
            leaf.struct_version,
            root.map(|root| format!(", under ARK-{root}"))
                .unwrap_or_default()
        ),
    );
    let (reported, _) = Tcb::of_bytes(report.reported_tcb, line);
    trail.check(
        &rules::VEK_TCB,
        leaf.tcb == reported,
        reported.to_string(),
        leaf.tcb.to_string(),
    );
    match (report.signer(), &leaf.hardware_id, &leaf.provider_id) {
        (Some(Signer::Vcek), Some(id), None) => trail.check(
            &rules::VEK_HARDWARE_ID,
            id.len() == line.hardware_id_bytes() && chip_id_is(&report.chip_id, id),
            hex::encode(report.chip_id),
            hex::encode(id),
        ),
        (Some(Signer::Vcek), None, _) => trail.check(
            &rules::VEK_HARDWARE_ID,
            false,
            hex::encode(report.chip_id),
            "no hardware id",
        ),
        (Some(Signer::Vlek), None, Some(provider)) => trail.check(
            &rules::VEK_HARDWARE_ID,
            true,
            "a provider's name and no hardware id",
            provider.as_str(),
        ),
        _ => trail.check(
            &rules::VEK_HARDWARE_ID,
            false,
            "a hardware id in a VCEK, a provider's name in a VLEK",
            "something else",
        ),
    };
}

/// Whether a chip id is this hardware id, followed by nothing but zeroes.
fn chip_id_is(chip_id: &[u8; 64], hardware_id: &[u8]) -> bool {
    chip_id
        .strip_prefix(hardware_id)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == 0))
}

/// Values with commas between them.
fn list<T: std::fmt::Display>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    texts.join(", ")
}
