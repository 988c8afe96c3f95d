//! TCB levels: which one a platform, its TDX module and its quoting enclave reach (Intel PCS API v4; Intel's QVL, TCB level matching).
//!
//! A level is reached when every component is at least the level's, one by one. Of the levels that are reached the highest counts, in
//! the order of Intel's QVL: SGX components, then PCESVN, then TDX components. From TDX 1.5 on, the TDX module has levels of its own:
//! byte 1 of `TEE_TCB_SVN` selects the module's identity, byte 0 is compared with that identity's levels, and neither with the
//! platform's.

use super::body::Body;
use super::envelope::EnclaveReport;
use super::pck::Pck;
use super::status::Standing;
use super::tcb_info::{AnyModule, EnclaveIdentity, EnclaveLevel, PlatformLevel, TcbInfo};

/// The level of a platform.
pub(super) fn platform(info: &TcbInfo, pck: &Pck, tee_tcb_svn: &[u8; 16]) -> Option<Standing> {
    // The module's SVN and major version: judged by its identity where it has one.
    let skipped = if module_version(tee_tcb_svn) > 0 {
        2
    } else {
        0
    };
    let reached = |level: &&PlatformLevel| {
        let tcb = &level.tcb;
        let sgx = pck.components.iter().zip(&tcb.sgxtcbcomponents);
        let tdx = tee_tcb_svn.iter().zip(&tcb.tdxtcbcomponents).skip(skipped);
        pck.pce_svn >= tcb.pcesvn && sgx.chain(tdx).all(|(has, needs)| *has >= needs.svn)
    };
    info.tcb_levels
        .iter()
        .filter(reached)
        .max_by_key(|level| {
            let tcb = &level.tcb;
            (
                tcb.sgxtcbcomponents.each_ref().map(|part| part.svn),
                tcb.pcesvn,
                tcb.tdxtcbcomponents.each_ref().map(|part| part.svn),
            )
        })
        .map(|level| Standing::new(level.tcb_status, &level.advisory_ids))
}

/// The major version of a TDX module: 0 is TDX 1.0.
pub(super) fn module_version(tee_tcb_svn: &[u8; 16]) -> u8 {
    let [_, version, ..] = tee_tcb_svn;
    *version
}

/// The name of a TDX module's identity, as Intel writes it; TDX 1.0 has none.
pub(super) fn module_id(tee_tcb_svn: &[u8; 16]) -> Option<String> {
    match module_version(tee_tcb_svn) {
        0 => None,
        version => Some(format!("TDX_{version:02X}")),
    }
}

/// The identity of a TDX module and its level. TDX 1.0 has no levels of its own; they are among the platform's.
pub(super) struct Module<'a> {
    pub(super) identity: AnyModule<'a>,
    /// `None` when the SVN is below every level.
    pub(super) standing: Option<Standing>,
}

/// The TDX module that these SVNs name; `None` when Intel names none such.
pub(super) fn module<'a>(info: &'a TcbInfo, tee_tcb_svn: &[u8; 16]) -> Option<Module<'a>> {
    let Some(id) = module_id(tee_tcb_svn) else {
        return Some(Module {
            identity: AnyModule::of(&info.tdx_module),
            standing: Some(Standing::clean()),
        });
    };
    let identity = info
        .tdx_module_identities
        .iter()
        .find(|identity| identity.id.eq_ignore_ascii_case(&id))?;
    let [svn, ..] = tee_tcb_svn;
    Some(Module {
        identity: AnyModule::of_identity(identity),
        standing: enclave(&identity.tcb_levels, u16::from(*svn)),
    })
}

/// The highest level of an enclave or module that an SVN reaches.
pub(super) fn enclave(levels: &[EnclaveLevel], svn: u16) -> Option<Standing> {
    levels
        .iter()
        .filter(|level| svn >= level.tcb.isvsvn)
        .max_by_key(|level| level.tcb.isvsvn)
        .map(|level| Standing::new(level.tcb_status, &level.advisory_ids))
}

/// Platform and module together, at these SVNs.
pub(super) fn launched(info: &TcbInfo, pck: &Pck, tee_tcb_svn: &[u8; 16]) -> Option<Standing> {
    let platform = platform(info, pck, tee_tcb_svn)?;
    let module = module(info, tee_tcb_svn)?.standing?;
    Some(platform.with(&module))
}

/// Whether the second SVNs are the first or later ones: another major version begins to count its module anew.
pub(super) fn no_older(launch: &[u8; 16], now: &[u8; 16]) -> bool {
    let (before, after) = (module_version(launch), module_version(now));
    let skipped = if after > before { 2 } else { 0 };
    before <= after
        && launch
            .iter()
            .zip(now)
            .skip(skipped)
            .all(|(launch, now)| now >= launch)
}

/// What of the TDX module is not as its identity says.
pub(super) fn module_faults(module: &AnyModule<'_>, body: &Body) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if body.mr_signer_seam != *module.mrsigner {
        faults.push("another MRSIGNERSEAM");
    }
    if !masked_equal(
        &body.seam_attributes,
        module.attributes,
        module.attributes_mask,
    ) {
        faults.push("other SEAMATTRIBUTES");
    }
    faults
}

/// What of the quoting enclave is not as its identity says.
pub(super) fn enclave_faults(
    identity: &EnclaveIdentity,
    report: &EnclaveReport,
) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if report.mr_signer != identity.mrsigner.0 {
        faults.push("another MRSIGNER");
    }
    if report.isv_prod_id != identity.isvprodid {
        faults.push("another ISVPRODID");
    }
    // A number in the report, and the same number's digits in the identity.
    let mut misc_select = report.misc_select;
    misc_select.reverse();
    if !masked_equal(
        &misc_select,
        &identity.miscselect.0,
        &identity.miscselect_mask.0,
    ) {
        faults.push("another MISCSELECT");
    }
    if !masked_equal(
        &report.attributes,
        &identity.attributes.0,
        &identity.attributes_mask.0,
    ) {
        faults.push("other ATTRIBUTES");
    }
    faults
}

/// Whether the bits under the mask are equal.
fn masked_equal(found: &[u8], expected: &[u8], mask: &[u8]) -> bool {
    found
        .iter()
        .zip(expected)
        .zip(mask)
        .all(|((found, expected), mask)| (found ^ expected) & mask == 0)
}
