//! Why a source gave nothing new.

use saml::{Moment, Refusal};

use crate::fetch::Unfetched;

/// Why a source gave nothing. Codes EDU-5xxx.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unread {
    #[error("EDU-5001 {path}: {source}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("EDU-5002 {0}")]
    Fetch(#[from] Unfetched),
    #[error("EDU-5003 {place}: {refusal} ({})", .refusal.clause())]
    Refused {
        place: String,
        #[source]
        refusal: Refusal,
    },
    #[error(
        "EDU-5005 the document is valid until {until}, and the last good one, until {stands}, is newer"
    )]
    RolledBack { until: Moment, stands: Moment },
    #[error("EDU-5008 the operator forbids the algorithm {algorithm}, which signs it")]
    Forbidden { algorithm: &'static str },
    #[error(
        "EDU-5009 {source_name} says nothing of the service that is followed, or has no key where it had one"
    )]
    NotItself { source_name: String },
    #[error("EDU-5004 {url}: metadata from an address needs a pinned key")]
    Unpinned { url: String },
}

/// Why a source gave nothing new, as it is told.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    why: String,
    /// When the document ended, where that is why.
    pub(crate) ended: Option<Moment>,
    /// Seconds that the server asks to be left alone.
    pub(crate) again_s: Option<u64>,
    /// Whether the server says that there is nothing.
    pub(crate) is_gone: bool,
}

impl Failure {
    /// What is there ended then, and nothing newer is there.
    pub(crate) fn ended(at: Moment) -> Self {
        let refusal = Refusal::MetadataExpired { at };
        Self {
            why: format!("EDU-5003 nothing newer is there: {refusal}"),
            ended: Some(at),
            again_s: None,
            is_gone: false,
        }
    }

    /// The reason.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }
}

impl From<Unread> for Failure {
    fn from(why: Unread) -> Self {
        Self {
            ended: match &why {
                Unread::Refused {
                    refusal: Refusal::MetadataExpired { at },
                    ..
                } => Some(*at),
                _ => None,
            },
            again_s: match &why {
                Unread::Fetch(Unfetched::Status { again_s, .. }) => *again_s,
                _ => None,
            },
            is_gone: matches!(
                &why,
                Unread::Fetch(Unfetched::Status {
                    status: 404 | 410,
                    ..
                })
            ),
            why: why.to_string(),
        }
    }
}
