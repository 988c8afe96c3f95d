//! What a PCK certificate says about its platform (Intel SGX PCK Certificate and CRL Profile, extension 1.2.840.113741.1.13.1).

use crate::x509::{BadX509, Certificate};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SGX_EXTENSIONS: ObjectIdentifier = oid("1.2.840.113741.1.13.1");
const PPID: ObjectIdentifier = oid("1.2.840.113741.1.13.1.1");
const TCB: ObjectIdentifier = oid("1.2.840.113741.1.13.1.2");
const PCE_ID: ObjectIdentifier = oid("1.2.840.113741.1.13.1.3");
const FMSPC: ObjectIdentifier = oid("1.2.840.113741.1.13.1.4");
const SGX_TYPE: ObjectIdentifier = oid("1.2.840.113741.1.13.1.5");
const PLATFORM_INSTANCE_ID: ObjectIdentifier = oid("1.2.840.113741.1.13.1.6");
const CONFIGURATION: ObjectIdentifier = oid("1.2.840.113741.1.13.1.7");
const DYNAMIC_PLATFORM: ObjectIdentifier = oid("1.2.840.113741.1.13.1.7.1");
const CACHED_KEYS: ObjectIdentifier = oid("1.2.840.113741.1.13.1.7.2");
const SMT_ENABLED: ObjectIdentifier = oid("1.2.840.113741.1.13.1.7.3");

/// The facts of a PCK certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pck {
    /// `PPID`: names the platform.
    pub ppid: [u8; 16],
    /// `SGX TCB Comp01 SVN` to `Comp16 SVN`.
    pub components: [u8; 16],
    /// `PCESVN`.
    pub pce_svn: u16,
    /// `CPUSVN`, as stored.
    pub cpu_svn: [u8; 16],
    /// `PCEID`.
    pub pce_id: [u8; 2],
    /// `FMSPC`: family, model, stepping, platform type and custom SKU.
    pub fmspc: [u8; 6],
    /// `SGX Type`: 0 standard, 1 scalable, 2 scalable with integrity.
    pub sgx_type: u8,
    /// `SMT Enabled`, which only certificates of the platform authority say.
    pub smt: Option<bool>,
    /// First second of validity, Unix time.
    pub not_before: u64,
    /// Last second of validity, Unix time.
    pub not_after: u64,
    /// The issuer's common name.
    pub issuer: String,
}

impl Pck {
    /// Reads the extension of a certificate. `Err` says what is missing or malformed.
    pub(super) fn read(certificate: &Certificate<'_>) -> Result<Self, &'static str> {
        let extension = certificate
            .extension(SGX_EXTENSIONS)
            .ok_or("no SGX extension (1.2.840.113741.1.13.1)")?;
        let known = [
            PPID,
            TCB,
            PCE_ID,
            FMSPC,
            SGX_TYPE,
            PLATFORM_INSTANCE_ID,
            CONFIGURATION,
        ];
        let fields = Fields::read(extension.value, &known).ok_or("a malformed SGX extension")?;
        let tcb = fields
            .find(TCB, Tag::Sequence)
            .and_then(|tcb| Tcb::read(tcb))
            .ok_or("a malformed TCB (1.2.840.113741.1.13.1.2)")?;
        if fields.0.iter().any(|(id, _)| *id == PLATFORM_INSTANCE_ID) {
            fields
                .octets::<16>(PLATFORM_INSTANCE_ID)
                .ok_or("a malformed platform instance id (1.2.840.113741.1.13.1.6)")?;
        }
        let smt = match fields.0.iter().find(|(id, _)| *id == CONFIGURATION) {
            None => None,
            Some(_) => Some(
                fields
                    .find(CONFIGURATION, Tag::Sequence)
                    .and_then(smt)
                    .ok_or("a malformed configuration (1.2.840.113741.1.13.1.7)")?,
            ),
        };
        Ok(Self {
            ppid: fields.octets(PPID).ok_or("no PPID")?,
            components: tcb.components,
            pce_svn: tcb.pce_svn,
            cpu_svn: tcb.cpu_svn,
            pce_id: fields.octets(PCE_ID).ok_or("no PCEID")?,
            fmspc: fields.octets(FMSPC).ok_or("no FMSPC")?,
            sgx_type: fields
                .find(SGX_TYPE, Tag::Enumerated)
                .and_then(|kind| match kind.value() {
                    [kind @ 0..=2] => Some(*kind),
                    _ => None,
                })
                .ok_or("no known SGX type (1.2.840.113741.1.13.1.5)")?,
            smt: smt.flatten(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            issuer: certificate.issuer.common_name.to_owned(),
        })
    }
}

/// The members of a configuration; the last one counts here.
fn smt(configuration: AnyRef<'_>) -> Option<Option<bool>> {
    let known = [DYNAMIC_PLATFORM, CACHED_KEYS, SMT_ENABLED];
    let fields = Fields::read_body(configuration.value(), &known)?;
    for (id, _) in &fields.0 {
        fields.boolean(*id)?;
    }
    Some(fields.boolean(SMT_ENABLED))
}

struct Tcb {
    components: [u8; 16],
    pce_svn: u16,
    cpu_svn: [u8; 16],
}

impl Tcb {
    fn read(tcb: AnyRef<'_>) -> Option<Self> {
        let member = |arc: u32| TCB.push_arc(arc).ok();
        let known = (1..=18).map(member).collect::<Option<Vec<_>>>()?;
        let fields = Fields::read_body(tcb.value(), &known)?;
        let mut components = [0; 16];
        for (component, id) in components.iter_mut().zip(&known) {
            *component = fields.find(*id, Tag::Integer)?.decode_as::<u8>().ok()?;
        }
        Some(Self {
            components,
            pce_svn: fields
                .find(member(17)?, Tag::Integer)?
                .decode_as::<u16>()
                .ok()?,
            cpu_svn: fields.octets(member(18)?)?,
        })
    }
}

/// A row of (object identifier, value), each known and none twice.
struct Fields<'a>(Vec<(ObjectIdentifier, AnyRef<'a>)>);

impl<'a> Fields<'a> {
    fn read(sequence: &'a [u8], known: &[ObjectIdentifier]) -> Option<Self> {
        let sequence = AnyRef::from_der(sequence).ok()?;
        (sequence.tag() == Tag::Sequence).then_some(())?;
        Self::read_body(sequence.value(), known)
    }

    fn read_body(body: &'a [u8], known: &[ObjectIdentifier]) -> Option<Self> {
        let mut reader = SliceReader::new(body).ok()?;
        let mut fields = Vec::new();
        while !reader.is_finished() {
            let (id, value) = reader
                .sequence(|pair| {
                    Ok::<_, BadX509>((ObjectIdentifier::decode(pair)?, AnyRef::decode(pair)?))
                })
                .ok()?;
            if !known.contains(&id) || fields.iter().any(|(other, _)| *other == id) {
                return None;
            }
            fields.push((id, value));
        }
        Some(Self(fields))
    }

    fn find(&self, id: ObjectIdentifier, tag: Tag) -> Option<AnyRef<'a>> {
        let (_, value) = self.0.iter().find(|(found, _)| *found == id)?;
        (value.tag() == tag).then_some(*value)
    }

    fn octets<const N: usize>(&self, id: ObjectIdentifier) -> Option<[u8; N]> {
        let value = self.find(id, Tag::OctetString)?;
        <&OctetStringRef>::try_from(value)
            .ok()?
            .as_bytes()
            .try_into()
            .ok()
    }

    fn boolean(&self, id: ObjectIdentifier) -> Option<bool> {
        self.find(id, Tag::Boolean)?.decode_as::<bool>().ok()
    }
}
