//! A release as CoRIM (draft-ietf-rats-corim-11), so that other verifiers can take its measurements as reference values.
//!
//! One manifest a technology, because each has its own profile, and one CoMID a shape, named after it. A manifest is not signed: the
//! release's proof of publication stands beside it. The bytes are deterministic (RFC 8949 section 4.2.1).

use cloister_verify::release::{Release, SnpShape, TdxShape};
use core::convert::Infallible;
use minicbor::data::{IanaTag, Tag};
use minicbor::encode::{Encoder, Error};

/// CBOR tags of draft-ietf-rats-corim-11, IANA considerations.
const CORIM: u64 = 501;
const COMID: u64 = 506;
/// An object identifier, without its DER header (RFC 9090).
const OID: u64 = 111;
/// SHA-384 in the IANA registry of named information hashes.
const SHA_384: u64 = 7;

/// Keys: `corim-map`, `concise-mid-tag`, `tag-identity-map`, `triples-map`, `environment-map`, `class-map`, `measurement-map`,
/// `measurement-values-map`.
const CORIM_ID: u64 = 0;
const CORIM_TAGS: u64 = 1;
const CORIM_PROFILE: u64 = 3;
const COMID_IDENTITY: u64 = 1;
const COMID_TRIPLES: u64 = 4;
const TAG_ID: u64 = 0;
const REFERENCE_TRIPLES: u64 = 0;
const ENVIRONMENT_CLASS: u64 = 0;
const CLASS_ID: u64 = 0;
const CLASS_VENDOR: u64 = 1;
const CLASS_MODEL: u64 = 2;
const MEASUREMENT_KEY: u64 = 0;
const MEASUREMENT_VALUES: u64 = 1;
const VALUES_DIGESTS: u64 = 2;
const VALUES_REGISTERS: u64 = 14;
/// `tee.mrtee` (draft-cds-rats-intel-corim-profile-06): MRTD.
const VALUES_MRTEE: i64 = -83;

/// draft-deeglaze-amd-sev-snp-corim-profile (after -02): its name, the class of guests on a given chip (1.3.6.1.4.1.3704.3.1) and the
/// key of `MEASUREMENT`. The draft prints the identifier with its DER header; the tag takes it without, and so do other projects.
const SNP_PROFILE: &str = "tag:amd.com,2025:snp-corim-profile";
const SNP_CLASS: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x03, 0x01];
const SNP_MEASUREMENT: u64 = 641;
/// 2.16.840.1.113741.1.16.1, the Intel profile. It names no class for a tenant's TD, so vendor and model say it.
const INTEL_PROFILE: [u8; 10] = [0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x4d, 0x01, 0x10, 0x01];
const INTEL: &str = "Intel Corporation";
const TD: &str = "TDX TD";

type Bytes = Encoder<Vec<u8>>;
type Written = Result<(), Error<Infallible>>;

/// The manifest of a release's SEV-SNP shapes; none when it has none.
#[must_use]
pub fn snp(release: &Release) -> Option<Vec<u8>> {
    let tags = release.snp.iter().map(|shape| {
        let name = format!(
            "{} {} CPUs {:#x}",
            shape.cpu, shape.vcpus, shape.guest_features
        );
        comid(
            &format!("cloister {} sev-snp {name}", release.release),
            |out| snp_triple(out, shape),
        )
    });
    manifest(release, "sev-snp", tags.collect(), |out| {
        out.tag(IanaTag::Uri)?.str(SNP_PROFILE)?;
        Ok(())
    })
}

/// The manifest of a release's TDX shapes; none when it has none.
#[must_use]
pub fn tdx(release: &Release) -> Option<Vec<u8>> {
    let tags = release.tdx.iter().map(|shape| {
        let name = format!(
            "{} MiB {} CPUs firmware {}",
            shape.memory_mib, shape.vcpus, shape.firmware_sha256
        );
        comid(&format!("cloister {} tdx {name}", release.release), |out| {
            tdx_triple(out, shape)
        })
    });
    manifest(release, "tdx", tags.collect(), |out| {
        out.tag(Tag::new(OID))?.bytes(&INTEL_PROFILE)?;
        Ok(())
    })
}

/// `#6.501({id, tags, profile})`.
fn manifest(
    release: &Release,
    technology: &str,
    tags: Option<Vec<Vec<u8>>>,
    profile: impl FnOnce(&mut Bytes) -> Written,
) -> Option<Vec<u8>> {
    let tags = tags.filter(|tags| !tags.is_empty())?;
    write(|out| {
        out.tag(Tag::new(CORIM))?.map(3)?;
        out.u64(CORIM_ID)?
            .str(&format!("cloister {} {technology}", release.release))?;
        out.u64(CORIM_TAGS)?.array(length(tags.len()))?;
        for tag in &tags {
            out.tag(Tag::new(COMID))?.bytes(tag)?;
        }
        out.u64(CORIM_PROFILE)?;
        profile(out)
    })
}

/// A CoMID with one reference triple.
fn comid(name: &str, triple: impl FnOnce(&mut Bytes) -> Written) -> Option<Vec<u8>> {
    write(|out| {
        out.map(2)?;
        out.u64(COMID_IDENTITY)?.map(1)?.u64(TAG_ID)?.str(name)?;
        out.u64(COMID_TRIPLES)?
            .map(1)?
            .u64(REFERENCE_TRIPLES)?
            .array(1)?;
        triple(out)
    })
}

fn snp_triple(out: &mut Bytes, shape: &SnpShape) -> Written {
    out.array(2)?;
    out.map(1)?.u64(ENVIRONMENT_CLASS)?.map(1)?;
    out.u64(CLASS_ID)?.tag(Tag::new(OID))?.bytes(&SNP_CLASS)?;
    out.array(1)?.map(2)?;
    out.u64(MEASUREMENT_KEY)?.u64(SNP_MEASUREMENT)?;
    out.u64(MEASUREMENT_VALUES)?.map(1)?.u64(VALUES_DIGESTS)?;
    digests(out, &shape.digest.0)
}

fn tdx_triple(out: &mut Bytes, shape: &TdxShape) -> Written {
    out.array(2)?;
    out.map(1)?.u64(ENVIRONMENT_CLASS)?.map(2)?;
    out.u64(CLASS_VENDOR)?
        .str(INTEL)?
        .u64(CLASS_MODEL)?
        .str(TD)?;
    out.array(1)?.map(1)?;
    out.u64(MEASUREMENT_VALUES)?.map(2)?;
    out.u64(VALUES_REGISTERS)?.map(3)?;
    for (number, register) in (0u64..).zip(shape.rtmrs()) {
        out.u64(number)?;
        digests(out, &register)?;
    }
    out.i64(VALUES_MRTEE)?;
    digests(out, &shape.mrtd.0)
}

/// `digests-type` with one digest.
fn digests(out: &mut Bytes, digest: &[u8; 48]) -> Written {
    out.array(1)?.array(2)?.u64(SHA_384)?.bytes(digest)?;
    Ok(())
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn write(content: impl FnOnce(&mut Bytes) -> Written) -> Option<Vec<u8>> {
    let mut out = Encoder::new(Vec::new());
    content(&mut out).ok()?;
    Some(out.into_writer())
}
