//! Problem reports: everything that can be said when a request was not answered (RFC 9457).
//!
//! The list is closed and each report is a constant, so no report can repeat a byte of a request, and all reports of a kind are
//! equal. What a problem says outside of the seal is coarse: whoever stands between sees it too.

use core::fmt;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $uri:literal, $title:literal;)*) => {
        /// Why a request was not answered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Problem {
            $($(#[$doc])* $name,)*
        }

        impl Problem {
            /// Every problem.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The status code of the response that carries the report.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The sentence for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }

            /// The report, of type [`crate::media::PROBLEM_JSON`].
            #[must_use]
            pub const fn json(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(
                        "{\"type\":\"", $uri, "\",\"title\":\"", $title, "\",\"status\":", $status, "}"
                    )),*
                }
            }
        }
    };
}

problems! {
    /// The service has as much to do as it takes on.
    Busy = 503, "tag:cloister.invalid,2026:busy",
        "The service is busy: try again later";
    /// The inner date is missing or too far from the service's (RFC 9458 section 6.5.2).
    Date = 400, "https://iana.org/assignments/http-problem-types#date",
        "The date of the request is not acceptable: set the clock, seal again";
    /// Evidence could not be had from the processor.
    Evidence = 503, "tag:cloister.invalid,2026:evidence",
        "The processor gave no evidence: try again later";
    /// The summariser failed.
    Failed = 500, "tag:cloister.invalid,2026:failed",
        "The text could not be summarised: this is a fault of the service";
    /// Sealed to a key or with algorithms that the service does not have (RFC 9458 section 5.3).
    Key = 400, "https://iana.org/assignments/http-problem-types#ohttp-key",
        "The key of the sealed request is not known here: fetch and verify the key configurations again";
    /// The message is not what its media type says, or could not be opened.
    Malformed = 400, "tag:cloister.invalid,2026:malformed",
        "The request is malformed";
    /// The resource has no such method.
    Method = 405, "tag:cloister.invalid,2026:method",
        "The resource does not have this method";
    /// No such resource.
    NotFound = 404, "tag:cloister.invalid,2026:not-found",
        "There is no such resource";
    /// The same sealed request came before.
    Replayed = 409, "tag:cloister.invalid,2026:replayed",
        "The sealed request was received before: seal again";
    /// The body or media type of the inner request is no summary request, or breaks one of its limits.
    Request = 422, "tag:cloister.invalid,2026:request",
        "The body is not a summary request within its limits";
    /// The service is about to end.
    Stopping = 503, "tag:cloister.invalid,2026:stopping",
        "The service is stopping: try another";
    /// The request took longer than the service waits.
    Timeout = 408, "tag:cloister.invalid,2026:timeout",
        "The request took too long";
    /// A body beyond its limit.
    TooLong = 413, "tag:cloister.invalid,2026:too-long",
        "The request is too long";
    /// Another media type was expected.
    Type = 415, "tag:cloister.invalid,2026:type",
        "The media type of the request is not the one expected here";
}

impl Problem {
    /// The problem of a report, which must be one of the known ones byte for byte.
    #[must_use]
    pub fn from_json(report: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|problem| problem.json().as_bytes() == report)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.title(), self.status())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn each_report_is_json_and_names_one_problem() {
        for &problem in Problem::ALL {
            let report: serde_json::Value = serde_json::from_str(problem.json()).unwrap();
            assert_eq!(report["status"], problem.status());
            assert_eq!(report["title"], problem.title());
            assert!((400..600).contains(&problem.status()));
            assert_eq!(Problem::from_json(problem.json().as_bytes()), Some(problem));
        }
        assert_eq!(Problem::from_json(b"{}"), None);
    }
}
