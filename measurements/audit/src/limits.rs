//! Section 8: what none of this shows.

use crate::report::Section;

/// The list, each with its reason.
const LIMITS: [(&str, &str); 10] = [
    (
        "the hardware vendor",
        "AMD's and Intel's signing keys, and the firmware of their secure processors, are believed",
    ),
    (
        "physical attacks",
        "somebody with the machine in hand and a probe on its memory bus leaves no trace in evidence; the machine list is the answer",
    ),
    (
        "side channels",
        "a host sees which memory pages, cache lines and how much time the model uses",
    ),
    (
        "the compiler",
        "two builders with one bad compiler get the same bad bytes; the toolchain is pinned by digest, not by proof",
    ),
    (
        "the dependencies' meaning",
        "their bytes are the pinned ones; whether they do what they say, only reading them tells",
    ),
    (
        "the weights' origin",
        "their digest is pinned; how they were trained, and on what, is not known here",
    ),
    (
        "the firmware's origin",
        "it is Debian's build, compared by digest and not rebuilt from its sources",
    ),
    (
        "this checkout",
        "that it is the repository that others see; compare the commit with somebody else's",
    ),
    (
        "this audit",
        "it runs on this machine, built by its compiler; an infected one can print anything",
    ),
    (
        "who is where",
        "that the listed machines stand where their operator says, and that relay and operator do not talk to each other",
    ),
];

/// The closing list. `questioned` is whether a live service was.
#[must_use]
pub fn section(questioned: bool) -> Section {
    let mut section = Section::new("limits", "What none of this shows");
    for (subject, says) in LIMITS {
        section.not_shown(subject, says);
    }
    if questioned {
        section.not_shown(
            "other services",
            "the one that answered ran what it proved, then; another behind the same name need not",
        );
    } else {
        section.not_shown(
            "what runs",
            "that the operator's service behind any address is this image; --live questions one",
        );
    }
    section
}
