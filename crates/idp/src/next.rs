//! The decider: what is left to do before a request can be answered.
//!
//! Pure: a request, what stands, and a verdict. `ForceAuthn` and `IsPassive` are decided here and
//! nowhere else.

use chrono::{DateTime, Utc};
use saml::response::Status;

/// What the request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// When it arrived.
    pub asked: DateTime<Utc>,
    /// `ForceAuthn`.
    pub force_authn: bool,
    /// `IsPassive`.
    pub is_passive: bool,
    /// `RequestedAuthnContext`, if any: whether `exact`, and the classes.
    pub context: Option<(bool, Vec<String>)>,
}

/// What stands: the session of this browser, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// When the person proved who they are, and how.
    pub session: Option<(DateTime<Utc>, &'a str)>,
    /// What its person was not told yet of the answer.
    pub untold: Untold,
}

/// What a person was not told yet of an answer that could be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Untold {
    /// Nothing.
    #[default]
    Nothing,
    /// What would be sent, or what is missing.
    Information,
    /// That without what is missing nothing is sent: the operator decided so.
    Refusal,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for the password.
    Password,
    /// Tell the person what the answer would say.
    Inform,
    /// Tell the person that there is no answer, and why.
    Refuse,
    /// Answer with the session that stands.
    Answer,
    /// Tell the service no.
    Tell(Status),
}

/// The contexts that a password proves, the one we say first.
pub const PASSWORD_CONTEXTS: [&str; 1] = [saml::names::PASSWORD];

/// Decides.
pub fn next(wanted: &Wanted, standing: Standing<'_>) -> Step {
    // IIP-IDP08, SDP-SP07: only `exact` is asked for in earnest, and only what we can prove.
    if let Some((exact, classes)) = &wanted.context {
        let provable = classes
            .iter()
            .any(|class| PASSWORD_CONTEXTS.contains(&class.as_str()));
        if !exact || !provable {
            return Step::Tell(Status::NoAuthnContext);
        }
    }
    // SDP-IDP07: a forced sign-on needs a proof that is younger than the request.
    let proven = standing.session.filter(|(at, context)| {
        let fresh = !wanted.force_authn || *at >= wanted.asked;
        let fits = wanted
            .context
            .as_ref()
            .is_none_or(|(_, classes)| classes.iter().any(|class| class == context));
        fresh && fits
    });
    let step = match (proven, standing.untold) {
        (None, _) => Step::Password,
        (Some(_), Untold::Nothing) => Step::Answer,
        (Some(_), Untold::Information) => Step::Inform,
        (Some(_), Untold::Refusal) => Step::Refuse,
    };
    // SAML Core 3.4.1: a passive request must not take over the screen.
    if wanted.is_passive && step != Step::Answer {
        return Step::Tell(Status::NoPassive);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn wanted() -> Wanted {
        Wanted {
            asked: at(0),
            force_authn: false,
            is_passive: false,
            context: None,
        }
    }

    const NOBODY: Standing<'static> = Standing {
        session: None,
        untold: Untold::Nothing,
    };

    fn since(seconds: i64) -> Standing<'static> {
        Standing {
            session: Some((at(seconds), saml::names::PASSWORD)),
            untold: Untold::Nothing,
        }
    }

    #[test]
    fn nobody_is_asked_for_a_password_and_somebody_is_answered_for() {
        assert_eq!(next(&wanted(), NOBODY), Step::Password);
        assert_eq!(next(&wanted(), since(-3600)), Step::Answer);
        assert_eq!(next(&wanted(), since(5)), Step::Answer);
    }

    #[test]
    fn p13_a_forced_sign_on_needs_a_younger_proof() {
        let forced = Wanted {
            force_authn: true,
            ..wanted()
        };
        assert_eq!(next(&forced, NOBODY), Step::Password);
        assert_eq!(next(&forced, since(-1)), Step::Password);
        assert_eq!(next(&forced, since(0)), Step::Answer);
        assert_eq!(next(&forced, since(9)), Step::Answer);
    }

    #[test]
    fn p13_a_passive_request_never_asks() {
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        assert_eq!(next(&passive, NOBODY), Step::Tell(Status::NoPassive));
        assert_eq!(next(&passive, since(-1)), Step::Answer);
        let both = Wanted {
            force_authn: true,
            ..passive
        };
        assert_eq!(next(&both, since(-1)), Step::Tell(Status::NoPassive));
    }

    #[test]
    fn r07_the_person_is_told_after_the_proof_and_before_the_answer() {
        let told = |wanted: &Wanted, seconds, untold| {
            let standing = Standing {
                untold,
                ..since(seconds)
            };
            next(wanted, standing)
        };
        let forced = Wanted {
            force_authn: true,
            ..wanted()
        };
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        for (untold, step) in [
            (Untold::Nothing, Step::Answer),
            (Untold::Information, Step::Inform),
            (Untold::Refusal, Step::Refuse),
        ] {
            assert_eq!(told(&wanted(), -1, untold), step);
            assert_eq!(told(&forced, -1, untold), Step::Password);
            assert_eq!(told(&forced, 0, untold), step);
            let nobody = Standing { untold, ..NOBODY };
            assert_eq!(next(&wanted(), nobody), Step::Password);
            if untold != Untold::Nothing {
                let refused = Step::Tell(Status::NoPassive);
                assert_eq!(told(&passive, -1, untold), refused);
            }
        }
    }

    #[test]
    fn p14_a_context_that_cannot_be_proven_is_told() {
        let context = |exact, classes: &[&str]| Wanted {
            context: Some((exact, classes.iter().map(|c| (*c).to_owned()).collect())),
            ..wanted()
        };
        let password = saml::names::PASSWORD;
        let mfa = saml::names::REFEDS_MFA;
        assert_eq!(next(&context(true, &[password]), since(-1)), Step::Answer);
        assert_eq!(
            next(&context(true, &[mfa, password]), NOBODY),
            Step::Password
        );
        for refused in [
            context(true, &[mfa]),
            context(true, &[]),
            context(false, &[password]),
        ] {
            assert_eq!(next(&refused, NOBODY), Step::Tell(Status::NoAuthnContext));
            assert_eq!(
                next(&refused, since(-1)),
                Step::Tell(Status::NoAuthnContext)
            );
        }
    }
}
