//! What evidence of a TD says, for people and for machines: the fields of a quote, of its PCK certificate and of the collateral under
//! stable names.

use super::launch::{DEBUG, KL, MIGRATABLE, PERFMON, PKS, SEPT_VE_DISABLE};
use super::pck::Pck;
use super::quote::Quote;
use super::status::Standing;
use super::tcb::{module_id, module_version};
use crate::claims::Field;
use crate::time::UnixTime;

/// What a quote and its collateral say. Only the trail tells whether to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The version that the bytes claim to be a quote of.
    pub version: u16,
    /// The quote, when it is a TD quote and could be read.
    pub quote: Option<Quote>,
    /// What the PCK certificate says.
    pub pck: Option<Pck>,
    /// What the TCB info says about platform and evaluation.
    pub tcb_info: Option<Evaluation>,
    /// What the quoting enclave's identity says about its evaluation.
    pub qe_identity: Option<Evaluation>,
    /// The revocation lists' `thisUpdate` and `nextUpdate`, the root's first.
    pub lists: Vec<(UnixTime, UnixTime)>,
    /// The TCB levels that were reached.
    pub levels: Levels,
}

/// When a document was made and of which evaluation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// `issueDate`.
    pub issued: UnixTime,
    /// `nextUpdate`.
    pub next_update: UnixTime,
    /// `tcbEvaluationDataNumber`.
    pub number: u32,
}

/// The TCB levels that platform, TDX module and quoting enclave reach; `None` where they reach none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// The platform's.
    pub platform: Option<Standing>,
    /// The TDX module's.
    pub module: Option<Standing>,
    /// The quoting enclave's.
    pub enclave: Option<Standing>,
    /// Platform and TDX module together at the SVNs of what runs now, where the body says them.
    pub current: Option<Standing>,
}

impl Levels {
    /// Platform, module and quoting enclave together, and what runs now beside what was launched.
    #[must_use]
    pub fn together(&self) -> Option<Standing> {
        let enclave = self.enclave.as_ref()?;
        let launched = self.platform.clone()?.with(self.module.as_ref()?);
        let launched = launched.with(enclave);
        Some(match &self.current {
            None => launched,
            Some(current) => launched.relaunched(&current.clone().with(enclave)),
        })
    }
}

impl Claims {
    /// The fields under the names and in the notation of the evidence corpus: bytes in hexadecimal, moments as Intel writes them.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Field)> {
        let mut fields = vec![("quote_version", Field::Number(self.version.into()))];
        if let Some(quote) = &self.quote {
            quote_fields(quote, &mut fields);
        }
        if let Some(pck) = &self.pck {
            pck_fields(pck, &mut fields);
        }
        self.collateral_fields(&mut fields);
        if let Some(quote) = &self.quote {
            self.level_fields(quote, &mut fields);
        }
        fields
    }

    fn collateral_fields(&self, fields: &mut Vec<(&'static str, Field)>) {
        if let Some(info) = &self.tcb_info {
            fields.push(("tcb_info_issue_date", Field::text(info.issued)));
            fields.push(("tcb_info_next_update", Field::text(info.next_update)));
        }
        if let Some(identity) = &self.qe_identity {
            fields.push(("qe_identity_issue_date", Field::text(identity.issued)));
            fields.push(("qe_identity_next_update", Field::text(identity.next_update)));
        }
        let (Some(info), Some(identity)) = (&self.tcb_info, &self.qe_identity) else {
            return;
        };
        fields.push((
            "tcb_evaluation_data_number",
            Field::Text(format!(
                "{} (TCB info) / {} (QE identity)",
                info.number, identity.number
            )),
        ));
        if self.lists.len() == 2 {
            let documents = [info, identity].map(|one| (one.issued, one.next_update));
            let windows = || documents.iter().chain(&self.lists);
            let first = windows().map(|(from, _)| from).max();
            let last = windows().map(|(_, to)| to).min();
            if let (Some(first), Some(last)) = (first, last) {
                fields.push((
                    "collateral_window",
                    Field::Text(format!("{first} .. {last}")),
                ));
            }
        }
    }

    fn level_fields(&self, quote: &Quote, fields: &mut Vec<(&'static str, Field)>) {
        let together = self.levels.together();
        let status = |standing: &Option<Standing>| {
            standing
                .as_ref()
                .map_or(Field::Nothing, |standing| Field::text(standing.status))
        };
        let module = if module_version(&quote.body.tee_tcb_svn) == 0 {
            Field::text("base")
        } else {
            status(&self.levels.module)
        };
        fields.extend([
            ("tcb_level_status", status(&self.levels.platform)),
            ("tdx_module_status", module),
            ("qe_status", status(&self.levels.enclave)),
            ("tcb_status", status(&together)),
            (
                "advisory_ids",
                Field::list(together.iter().flat_map(|standing| &standing.advisories)),
            ),
        ]);
    }
}

fn quote_fields(quote: &Quote, fields: &mut Vec<(&'static str, Field)>) {
    let body = &quote.body;
    let bytes = |bytes: &[u8]| Field::Text(hex::encode(bytes));
    let [rtmr0, rtmr1, rtmr2, rtmr3] = &body.rtmr;
    fields.extend([
        (
            "body_type",
            Field::Text(format!("{} ({} bytes)", body.kind, body.kind.size())),
        ),
        ("tee_tcb_svn", bytes(&body.tee_tcb_svn)),
        (
            "tdx_module_id",
            Field::Text(module_id(&body.tee_tcb_svn).unwrap_or_else(|| "TDX 1.0 (base)".into())),
        ),
        ("td_attributes", bytes(&body.td_attributes)),
        ("td_attributes_decoded", attribute_names(body.td_attributes)),
        ("xfam", bytes(&body.xfam)),
        ("mrseam", bytes(&body.mr_seam)),
        ("mrsignerseam", bytes(&body.mr_signer_seam)),
        ("seam_attributes", bytes(&body.seam_attributes)),
        ("mrtd", bytes(&body.mr_td)),
        ("mrconfigid", bytes(&body.mr_config_id)),
        ("mrowner", bytes(&body.mr_owner)),
        ("mrownerconfig", bytes(&body.mr_owner_config)),
        ("rtmr0", bytes(rtmr0)),
        ("rtmr1", bytes(rtmr1)),
        ("rtmr2", bytes(rtmr2)),
        ("rtmr3", bytes(rtmr3)),
        ("report_data", bytes(&body.report_data)),
        ("qe_auth_data_len", Field::size(quote.qe_auth_data.len())),
        ("qe_auth_data", bytes(&quote.qe_auth_data)),
        ("cert_data_type", Field::Number(5)),
        (
            "trailing_bytes_after_signature",
            Field::size(quote.padding.len()),
        ),
    ]);
    if let Some(current) = &body.current {
        fields.push(("tee_tcb_svn2", bytes(&current.tee_tcb_svn)));
        fields.push(("mrservicetd", bytes(&current.mr_service_td)));
    }
}

fn pck_fields(pck: &Pck, fields: &mut Vec<(&'static str, Field)>) {
    let day = |second: u64| {
        let moment = UnixTime(second).to_string();
        Field::Text(moment.split('T').next().unwrap_or_default().to_owned())
    };
    fields.extend([
        ("fmspc", Field::Text(hex::encode(pck.fmspc))),
        ("pceid", Field::Text(hex::encode(pck.pce_id))),
        ("ppid", Field::Text(hex::encode(pck.ppid))),
        (
            "pck_tcb_components",
            Field::List(
                pck.components
                    .iter()
                    .map(|&svn| Field::Number(svn.into()))
                    .collect(),
            ),
        ),
        ("pcesvn", Field::Number(pck.pce_svn.into())),
        ("pck_ca", Field::text(&pck.issuer)),
        ("pck_not_before", day(pck.not_before)),
        ("pck_not_after", day(pck.not_after)),
    ]);
}

/// The attributes that are set, as the corpus names them.
fn attribute_names(attributes: [u8; 8]) -> Field {
    const NAMES: [(u32, &str); 6] = [
        (DEBUG, "DEBUG"),
        (SEPT_VE_DISABLE, "SEPT_VE_DISABLE"),
        (MIGRATABLE, "MIGRATABLE"),
        (PKS, "PKS"),
        (KL, "KL"),
        (PERFMON, "PERFMON"),
    ];
    let attributes = u64::from_le_bytes(attributes);
    let set = NAMES.iter().filter(|(bit, _)| attributes >> bit & 1 == 1);
    Field::list(set.map(|(_, name)| name))
}
