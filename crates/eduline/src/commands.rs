//! The subcommands that do one thing and end.

pub(crate) mod account;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod fticks;
pub(crate) mod idp;
pub(crate) mod keys;
pub(crate) mod metadata;
pub(crate) mod registered;
pub(crate) mod saml;
pub(crate) mod sp;
pub(crate) mod trace;

use crate::settings::Fault;

/// Why a command was refused: sentences for the operator. Exit code 1.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Vec<String>);

impl Refusal {
    /// One reason.
    pub(crate) fn of(reason: impl Into<String>) -> Self {
        Self(vec![reason.into()])
    }
}

impl From<Vec<Fault>> for Refusal {
    fn from(faults: Vec<Fault>) -> Self {
        Self(faults.iter().map(ToString::to_string).collect())
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::from(vec![fault])
    }
}
