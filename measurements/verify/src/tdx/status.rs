//! TCB statuses (Intel PCS API v4, `tcbStatus`) and how those of several parts make one.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;

/// What Intel says about a TCB level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TcbStatus {
    /// Nothing is known against it.
    UpToDate,
    /// Software must protect itself.
    SWHardeningNeeded,
    /// The platform must be configured.
    ConfigurationNeeded,
    /// Both.
    ConfigurationAndSWHardeningNeeded,
    /// It must be updated.
    OutOfDate,
    /// It must be updated and configured.
    OutOfDateConfigurationNeeded,
    /// It is not to be trusted at all.
    Revoked,
    /// What runs now is current, and what the TD was launched with was not: the TDX module was updated under it. No TCB level says so; it
    /// is what becomes of two of them (Intel's QVL, `TD_RELAUNCH_ADVISED`).
    TDRelaunchAdvised,
    /// The same, and the platform must be configured (Intel's QVL, `TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED`).
    TDRelaunchAdvisedConfigurationNeeded,
}

impl TcbStatus {
    /// (out of date, configuration needed, software hardening needed); revoked is worse than any of them.
    fn faults(self) -> (bool, bool, bool) {
        match self {
            Self::UpToDate | Self::Revoked => (false, false, false),
            Self::SWHardeningNeeded => (false, false, true),
            Self::ConfigurationNeeded => (false, true, false),
            Self::ConfigurationAndSWHardeningNeeded => (false, true, true),
            Self::OutOfDate | Self::TDRelaunchAdvised => (true, false, false),
            Self::OutOfDateConfigurationNeeded | Self::TDRelaunchAdvisedConfigurationNeeded => {
                (true, true, false)
            }
        }
    }

    /// The status of two parts together: the faults of both, as Intel's QVL converges platform, module and quoting enclave. What is out
    /// of date needs an update whether or not software hardens itself, so that fault is then not named.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        if self == Self::Revoked || other == Self::Revoked {
            return Self::Revoked;
        }
        let (one, two) = (self.faults(), other.faults());
        match (one.0 || two.0, one.1 || two.1, one.2 || two.2) {
            (true, true, _) => Self::OutOfDateConfigurationNeeded,
            (true, false, _) => Self::OutOfDate,
            (false, true, true) => Self::ConfigurationAndSWHardeningNeeded,
            (false, true, false) => Self::ConfigurationNeeded,
            (false, false, true) => Self::SWHardeningNeeded,
            (false, false, false) => Self::UpToDate,
        }
    }

    /// The status of a TD whose launch has this one, when what runs now has the other (Intel's QVL, `checkForRelaunch`): a launch that was
    /// out of date can be mended by launching again once what runs now is not.
    #[must_use]
    pub fn relaunched(self, current: Self) -> Self {
        let (launched, runs) = (self.faults(), current.faults());
        match (launched.0, runs.0) {
            (true, false) if self != Self::Revoked && current != Self::Revoked => {
                if launched.1 || runs.1 {
                    Self::TDRelaunchAdvisedConfigurationNeeded
                } else {
                    Self::TDRelaunchAdvised
                }
            }
            _ => self,
        }
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names are the manual's.
        write!(f, "{self:?}")
    }
}

/// A status with the advisories that stand behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The status.
    pub status: TcbStatus,
    /// Intel's security advisories, such as `INTEL-SA-00960`.
    pub advisories: BTreeSet<String>,
}

impl Standing {
    pub(super) fn new(status: TcbStatus, advisories: &[String]) -> Self {
        Self {
            status,
            advisories: advisories.iter().cloned().collect(),
        }
    }

    /// Up to date, without advisories.
    pub(super) fn clean() -> Self {
        Self::new(TcbStatus::UpToDate, &[])
    }

    /// Both together.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.status = self.status.with(other.status);
        self.advisories.extend(other.advisories.iter().cloned());
        self
    }

    /// As a launch that has this standing, when what runs now has the other. The advisories stay the launch's.
    pub(super) fn relaunched(mut self, current: &Self) -> Self {
        self.status = self.status.relaunched(current.status);
        self
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (index, advisory) in self.advisories.iter().enumerate() {
            f.write_str(if index == 0 { ", " } else { " " })?;
            f.write_str(advisory)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TcbStatus::*;

    /// Intel's QVL, `convergeTcbStatus` and `convergeTcbStatusWithTdxModuleStatus`: what a quoting enclave or a module that is out of
    /// date or revoked makes of each platform status.
    #[test]
    fn statuses_converge_as_in_intels_qvl() {
        for (platform, out_of_date) in [
            (UpToDate, OutOfDate),
            (SWHardeningNeeded, OutOfDate),
            (ConfigurationNeeded, OutOfDateConfigurationNeeded),
            (
                ConfigurationAndSWHardeningNeeded,
                OutOfDateConfigurationNeeded,
            ),
            (OutOfDate, OutOfDate),
            (OutOfDateConfigurationNeeded, OutOfDateConfigurationNeeded),
            (Revoked, Revoked),
        ] {
            assert_eq!(platform.with(UpToDate), platform);
            assert_eq!(platform.with(OutOfDate), out_of_date);
            assert_eq!(OutOfDate.with(platform), out_of_date);
            assert_eq!(platform.with(Revoked), Revoked);
            assert_eq!(platform.with(platform), platform);
        }
        assert_eq!(
            SWHardeningNeeded.with(ConfigurationNeeded),
            ConfigurationAndSWHardeningNeeded
        );
    }

    /// Intel's QVL, `checkForRelaunch`.
    #[test]
    fn relaunching_is_advised_as_in_intels_qvl() {
        let needs_configuration = |status| {
            matches!(
                status,
                ConfigurationNeeded
                    | ConfigurationAndSWHardeningNeeded
                    | OutOfDateConfigurationNeeded
            )
        };
        let all = [
            UpToDate,
            SWHardeningNeeded,
            ConfigurationNeeded,
            ConfigurationAndSWHardeningNeeded,
            OutOfDate,
            OutOfDateConfigurationNeeded,
            Revoked,
        ];
        for launch in all {
            for current in all {
                let old = |status| matches!(status, OutOfDate | OutOfDateConfigurationNeeded);
                let expected = match (old(launch), old(current) || current == Revoked) {
                    (true, false)
                        if needs_configuration(launch) || needs_configuration(current) =>
                    {
                        TDRelaunchAdvisedConfigurationNeeded
                    }
                    (true, false) => TDRelaunchAdvised,
                    _ => launch,
                };
                assert_eq!(
                    launch.relaunched(current),
                    expected,
                    "{launch} then {current}"
                );
            }
        }
    }
}
