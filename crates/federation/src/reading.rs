//! What a source gave, and what stands of it as time goes by.

use std::collections::HashMap;
use std::sync::Arc;

use saml::metadata::{Document, Scan};
use saml::{EntityId, Moment, Rules};

use crate::draft::Taken;
use crate::kept::{Bulk, Kept};
use crate::pace::{self, Standing};
use crate::unread::{Failure, Unread};
use crate::{Report, Source};

/// What a source gave.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) entities: Vec<Arc<Kept>>,
    pub(crate) report: Report,
    /// What stands beside the metadata of an entity in a folder.
    pub(crate) profiles: HashMap<EntityId, String>,
    /// The document as it came from an address, while it is about one entity.
    pub(crate) document: Option<Arc<str>>,
    /// `validUntil` of the document of an address.
    pub(crate) valid_until: Option<Moment>,
    /// What is known of the address beside.
    pub(crate) standing: Standing,
    /// What source this is a reading of.
    pub(crate) mark: String,
    /// The algorithms that the signatures of its documents rest on.
    pub(crate) used: Vec<&'static str>,
    /// What was read just now, until it is kept on disk.
    pub(crate) fresh: Vec<Fresh>,
}

/// A document that was read just now.
#[derive(Clone)]
pub(crate) struct Fresh {
    /// What its copy is called.
    pub(crate) name: String,
    pub(crate) taken: Taken,
}

impl Reading {
    pub(crate) fn empty(source: &str) -> Self {
        let report = Report {
            source: source.to_owned(),
            read_at: None,
            entities: 0,
            left_out: Vec::new(),
            failure: None,
            failures: 0,
            ends: None,
            set_aside: 0,
            due: None,
        };
        Self {
            entities: Vec::new(),
            report,
            profiles: HashMap::new(),
            document: None,
            valid_until: None,
            standing: Standing::default(),
            mark: String::new(),
            used: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Refuses what was verified by an algorithm that is forbidden (IIP-ALG08).
    pub(crate) fn allowed_by(self, rules: &Rules) -> Result<Self, Unread> {
        match self.used.iter().find(|uri| rules.forbids(uri)) {
            Some(algorithm) => Err(Unread::Forbidden { algorithm }),
            None => Ok(self),
        }
    }

    /// Refuses a document that ends before the last good one, which `stands` until then, does.
    pub(crate) fn no_older_than(
        self,
        stands: Option<Moment>,
        source: &Source,
        now: Moment,
    ) -> Result<Self, Unread> {
        match (stands, self.valid_until) {
            (Some(stands), Some(until))
                if !source.may_go_back && until < stands && stands > now =>
            {
                Err(Unread::RolledBack { until, stands })
            }
            _ => Ok(self),
        }
    }

    /// Whether it was ever read with success.
    pub(crate) fn is_of_something(&self) -> bool {
        self.report.ends.is_some() || !self.entities.is_empty()
    }

    /// Sets those aside whom the source may not bring.
    pub(crate) fn admit(&mut self, source: &Source) {
        let terms = &source.terms;
        let before = self.entities.len();
        self.entities.retain(|kept| {
            terms.filter.admits(&kept.listing)
                && terms.only.as_ref().is_none_or(|only| only == kept.id())
        });
        self.report.set_aside = before - self.entities.len();
        self.report.entities = self.entities.len();
    }

    /// The same reading, still valid entities only: it was asked for anew, and nothing is newer.
    pub(crate) fn unchanged(&self, now: Moment) -> Self {
        let mut reading = self.clone();
        reading.let_go(now);
        reading.report.failure = None;
        reading.report.read_at = Some(now);
        reading
    }

    /// Lets those go whose time is over.
    fn let_go(&mut self, now: Moment) {
        self.entities
            .retain(|entity| entity.valid_until.is_none_or(|until| until > now));
        self.report.entities = self.entities.len();
    }

    /// Says when its source, which answered, is asked next.
    pub(crate) fn paced(mut self, source: &Source, now: Moment) -> Self {
        let (every, cache_s) = (source.terms.every, self.standing.cache_s);
        let due = pace::after_success(every, cache_s, self.valid_until, now);
        self.report.failures = 0;
        self.asked_next(source, due)
    }

    /// Says when its source, which failed, is asked next: no later than what it gave ends.
    pub(crate) fn put_off(self, source: &Source, again_s: Option<u64>, now: Moment) -> Self {
        let failed = (source.name.as_str(), self.report.failures);
        let due = pace::after_failure(source.terms.every, failed, again_s, now);
        let ends = self.valid_until.filter(|ends| *ends > now);
        self.asked_next(source, ends.map_or(due, |ends| due.min(ends)))
    }

    fn asked_next(mut self, source: &Source, due: Moment) -> Self {
        self.standing.due = Some(due);
        self.report.due = Some(due);
        self.mark = source.mark();
        self
    }

    pub(crate) fn add(&mut self, document: Document, now: Moment) {
        self.report.left_out.extend(
            document
                .left_out
                .iter()
                .map(|out| format!("{} (line {}): {}", out.entity_id, out.line, out.reason)),
        );
        self.entities.extend(
            document
                .entities
                .into_iter()
                .map(|mut entity| {
                    // What ends with its document ends when the document does.
                    entity.valid_until = match (entity.valid_until, document.valid_until) {
                        (Some(own), Some(root)) => Some(own.min(root)),
                        (own, root) => own.or(root),
                    };
                    entity
                })
                .filter(|entity| entity.valid_until.is_none_or(|until| until > now))
                .map(|entity| Arc::new(Kept::whole(entity))),
        );
        self.report.entities = self.entities.len();
    }

    pub(crate) fn add_parts(&mut self, scan: Scan, bulk: &Arc<Bulk>, now: Moment) {
        let left_out = scan.left_out.iter();
        self.report.left_out.extend(
            left_out.map(|out| format!("{} (line {}): {}", out.entity_id, out.line, out.reason)),
        );
        let stands = |until: Option<Moment>| until.is_none_or(|until| until > now);
        let found = scan.entities.into_iter();
        let found = found.filter(|found| stands(found.valid_until));
        self.entities
            .extend(found.map(|found| Arc::new(Kept::part(found, bulk))));
        self.report.entities = self.entities.len();
    }

    /// The last good reading, still valid entities only, with the reason why there is no newer one,
    /// and when that one ended where this is the reason.
    pub(crate) fn after_failure(&self, source: &str, failure: &Failure, now: Moment) -> Self {
        let why = failure.why();
        tracing::warn!(
            source,
            why,
            "metadata could not be read; the last good copy stands"
        );
        let mut reading = self.clone();
        reading.let_go(now);
        reading.report.failure = Some(why.to_owned());
        reading.report.failures = self.report.failures.saturating_add(1);
        reading.report.ends = reading.report.ends.or(failure.ended);
        reading
    }
}
