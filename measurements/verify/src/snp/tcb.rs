//! TCB versions (AMD 56860, table "TCB_VERSION"): security patch levels, compared component by component, never as one number.

use super::product::Line;
use serde::Deserialize;
use std::fmt;

/// One part of the TCB with its own patch level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// FMC firmware; Turin and later.
    Fmc,
    /// The secure processor's boot loader.
    BootLoader,
    /// The secure processor's operating system.
    Tee,
    /// The SNP firmware.
    Snp,
    /// Microcode: the low byte of the patch level of this stepping.
    Microcode,
}

impl Component {
    pub(crate) const ALL: [Self; 5] = [
        Self::Fmc,
        Self::BootLoader,
        Self::Tee,
        Self::Snp,
        Self::Microcode,
    ];

    /// The name that AMD's services use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fmc => "fmc",
            Self::BootLoader => "bl",
            Self::Tee => "tee",
            Self::Snp => "snp",
            Self::Microcode => "ucode",
        }
    }

    /// Where the component is in a `TCB_VERSION` of this line; the other bytes are reserved.
    fn offset(self, line: Line) -> Option<usize> {
        match (line, self) {
            (Line::Milan | Line::Genoa, Self::Fmc) => None,
            (Line::Milan | Line::Genoa, Self::BootLoader) => Some(0),
            (Line::Milan | Line::Genoa, Self::Tee) => Some(1),
            (Line::Milan | Line::Genoa, Self::Snp) => Some(6),
            (Line::Turin, Self::Fmc) => Some(0),
            (Line::Turin, Self::BootLoader) => Some(1),
            (Line::Turin, Self::Tee) => Some(2),
            (Line::Turin, Self::Snp) => Some(3),
            (_, Self::Microcode) => Some(7),
        }
    }
}

/// A TCB version with the layout of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcb {
    /// The patch level of FMC, on lines that have it.
    pub fmc: Option<u8>,
    /// The patch level of the boot loader.
    pub boot_loader: u8,
    /// The patch level of the secure processor's operating system.
    pub tee: u8,
    /// The patch level of the SNP firmware.
    pub snp: u8,
    /// The patch level of the microcode.
    pub microcode: u8,
}

impl Tcb {
    /// Reads a `TCB_VERSION` as stored. The second value says whether the reserved bytes are zero.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 8], line: Line) -> (Self, bool) {
        let level = |component: Component| {
            component
                .offset(line)
                .and_then(|offset| bytes.get(offset).copied())
        };
        let tcb = Self {
            fmc: level(Component::Fmc),
            boot_loader: level(Component::BootLoader).unwrap_or_default(),
            tee: level(Component::Tee).unwrap_or_default(),
            snp: level(Component::Snp).unwrap_or_default(),
            microcode: level(Component::Microcode).unwrap_or_default(),
        };
        let used = Component::ALL.map(|component| component.offset(line));
        let reserved_zero = bytes
            .iter()
            .enumerate()
            .all(|(offset, &byte)| byte == 0 || used.contains(&Some(offset)));
        (tcb, reserved_zero)
    }

    /// The level of a component; `None` where the line has none.
    #[must_use]
    pub fn level(&self, component: Component) -> Option<u8> {
        match component {
            Component::Fmc => self.fmc,
            Component::BootLoader => Some(self.boot_loader),
            Component::Tee => Some(self.tee),
            Component::Snp => Some(self.snp),
            Component::Microcode => Some(self.microcode),
        }
    }

    /// Whether every component is at most the other's. Two TCBs need not be comparable either way.
    #[must_use]
    pub fn at_most(&self, other: &Self) -> bool {
        Component::ALL
            .into_iter()
            .all(|component| self.level(component) <= other.level(component))
    }
}

impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for component in Component::ALL {
            if let Some(level) = self.level(component) {
                write!(f, "{between}{}={level}", component.name())?;
                between = " ";
            }
        }
        Ok(())
    }
}
