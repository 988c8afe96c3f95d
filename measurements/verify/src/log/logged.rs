//! What a good proof shows.

use super::entry::{Entry, Kind, Word};
use crate::release::Hex;
use crate::time::UnixTime;

/// Proof that a file was published: it stands in a log that witnesses have watched lately. Only [`published()`](super::published()) makes one.
///
/// ```compile_fail,E0451
/// use cloister_verify::{UnixTime, log::{Entry, Kind, Logged, Word}};
/// let word = Word::parse("x").unwrap();
/// let entry = Entry::of(Kind::Floors, word.clone(), word, b"");
/// // Nobody else can: the members are private, and there is no default.
/// let (cosigned, witnessed) = (Vec::new(), UnixTime(0));
/// let forged = Logged { origin: String::new(), index: 0, size: 1, entry, cosigned, witnessed, maximum_age: 0 };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub(super) origin: String,
    pub(super) index: u64,
    pub(super) size: u64,
    pub(super) entry: Entry,
    pub(super) cosigned: Vec<Cosigned>,
    pub(super) witnessed: UnixTime,
    pub(super) maximum_age: u64,
}

/// The word of one witness: no other history of the log, up to this checkpoint, at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness, by the name in the policy.
    pub witness: String,
    /// When it cosigned, by its own clock.
    pub time: UnixTime,
}

impl Logged {
    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The file's place in the log. A caller that remembers the highest one it has used can refuse to go back behind it.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of entries of the log at the checkpoint.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the file is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.entry.kind
    }

    /// The name under which it is published.
    #[must_use]
    pub fn name(&self) -> &Word {
        &self.entry.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &Word {
        &self.entry.version
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub fn sha256(&self) -> &Hex<32> {
        &self.entry.sha256
    }

    /// The witnesses of the policy that have cosigned the checkpoint: a quorum or more.
    #[must_use]
    pub fn cosigned(&self) -> &[Cosigned] {
        &self.cosigned
    }

    /// The time of the checkpoint: the latest moment for which a quorum of witnesses vouches.
    #[must_use]
    pub fn witnessed(&self) -> UnixTime {
        self.witnessed
    }

    /// The last moment at which the proof is young enough.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        UnixTime(self.witnessed.0.saturating_add(self.maximum_age))
    }

    /// How old a quorum's word may be, in seconds.
    #[must_use]
    pub fn maximum_age(&self) -> u64 {
        self.maximum_age
    }

    /// How old the quorum's word is at `now`, in seconds; zero when a witness's clock is ahead.
    #[must_use]
    pub fn age(&self, now: UnixTime) -> u64 {
        now.0.saturating_sub(self.witnessed.0)
    }

    /// Where the file stands in the log, who has seen it when, and how old that is at `now`: one line for people.
    #[must_use]
    pub fn words(&self, now: UnixTime) -> String {
        let seen: Vec<String> = self
            .cosigned
            .iter()
            .map(|word| format!("{} at {}", word.witness, word.time))
            .collect();
        format!(
            "entry {} of {} at size {}, cosigned by {}; {} s old, at most {} s",
            self.index,
            self.origin,
            self.size,
            seen.join(" and "),
            self.age(now),
            self.maximum_age
        )
    }
}
