//! The rules about event logs, in the order in which they are judged and shown.

use crate::trail::Rule;

macro_rules! rules {
    ($($name:ident: $id:literal, $title:literal, $clause:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, title: $title, clause: $clause };)*
        /// Every rule, once.
        pub(super) const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    TABLE: "ccel.table",
        "the ACPI table is that of a trust domain and names this log's area",
        "ACPI 6.5 section 5.2.34";
    LOG: "ccel.log",
        "the log can be read, and nothing stands behind its end",
        "TCG PC Client Platform Firmware Profile 1.06, section 10.2; UEFI 2.10 section 38.4";
    RTMR0: "ccel.rtmr0",
        "the log replays to RTMR0",
        "Intel TDX Module ABI, TDG.MR.RTMR.EXTEND";
    RTMR1: "ccel.rtmr1",
        "the log replays to RTMR1",
        "Intel TDX Module ABI, TDG.MR.RTMR.EXTEND";
    RTMR2: "ccel.rtmr2",
        "the log replays to RTMR2",
        "Intel TDX Module ABI, TDG.MR.RTMR.EXTEND";
    RTMR3: "ccel.rtmr3",
        "the log replays to RTMR3",
        "Intel TDX Module ABI, TDG.MR.RTMR.EXTEND";
    DIGESTS: "ccel.digests",
        "every digest that the log's own words define is the one of those words",
        "TCG PC Client Platform Firmware Profile 1.06, section 10.4 and table 27";
    SEPARATORS: "ccel.separators",
        "RTMR0 and RTMR1 have one separator each, and no register has two",
        "TCG PC Client Platform Firmware Profile 1.06, sections 3.3 and 10.4.1";
    ORDER: "ccel.order",
        "what belongs before a separator or before the end of boot services stands there",
        "TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4 and 10.4.4";
    UNREAD: "ccel.unread",
        "every event says what was measured, or is one that the caller knows",
        "Cloister, event logs: equal digests with unread events prove nothing";
}
