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
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what one step looks at, and none follows from another"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// What the person proved.
    pub session: Option<Proven>,
    /// What the house wants of a second factor.
    pub second: Second,
    /// Whether their password was given to them by somebody else.
    pub given: bool,
    /// Whether the charter, as it stands, is to be accepted.
    pub charter: bool,
    /// Whether they hold several posts and have not said for which one they come.
    pub post: bool,
    /// What its person was not told yet of the answer.
    pub untold: Untold,
    /// Whether the service is closed to its person, by the operator's rule.
    pub closed: bool,
}

/// What a person proved, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// Their password.
    pub password: DateTime<Utc>,
    /// A second factor.
    pub second: Option<DateTime<Utc>>,
    /// A code that was sent by mail: enough for the house where there is no factor, for no request.
    pub mailed: Option<DateTime<Utc>>,
}

/// A second factor, as the house sees it for this person, here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Second {
    /// A rule asks for it, whatever the request wants.
    pub is_asked: bool,
    /// What the person can do about it.
    pub means: Means,
}

/// What a person who is asked for a second factor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Means {
    /// Give one.
    Give,
    /// Activate one first.
    Activate,
    /// Do without for now: on the way to where one is activated, or because they put it off.
    GoWithout,
    /// Nothing.
    #[default]
    Nothing,
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
    /// Ask for a second factor.
    SecondFactor,
    /// Tell the person that they need a second factor, and where to get it.
    Activate,
    /// Have the person choose a password of their own.
    Change,
    /// Have the person accept the charter.
    Agree,
    /// Have the person say for which of their posts they come.
    Choose,
    /// Tell the person what the answer would say.
    Inform,
    /// Tell the person that there is no answer, and why.
    Refuse,
    /// Tell the person that the service is not open to them.
    Close,
    /// Answer with the session that stands.
    Answer,
    /// Tell the service no.
    Tell(Status),
}

/// The contexts we prove, the one we say first when nothing is asked for.
const PROVABLE: [&str; 2] = [saml::names::REFEDS_MFA, saml::names::PASSWORD];

/// Decides.
pub fn next(wanted: &Wanted, standing: Standing) -> Step {
    // IIP-IDP08, SDP-SP07: only `exact` is asked for in earnest, and only what we can prove.
    if let Some((exact, classes)) = &wanted.context {
        let provable = classes.iter().any(|one| PROVABLE.contains(&one.as_str()));
        if !exact || !provable {
            return Step::Tell(Status::NoAuthnContext);
        }
    }
    let step = left(wanted, standing);
    // SAML Core 3.4.1: a passive request must not take over the screen.
    if wanted.is_passive && step == Step::Close {
        return Step::Tell(Status::RequestDenied);
    }
    let asks = !matches!(step, Step::Answer | Step::Tell(_));
    if wanted.is_passive && asks {
        return Step::Tell(Status::NoPassive);
    }
    step
}

fn left(wanted: &Wanted, standing: Standing) -> Step {
    // SDP-IDP07: a forced sign-on needs proofs that are younger than the request.
    let is_fresh = |at: DateTime<Utc>| !wanted.force_authn || at >= wanted.asked;
    let Some(proven) = standing.session.filter(|proven| is_fresh(proven.password)) else {
        return Step::Password;
    };
    // Nobody proves more, or is told of an answer, for what stays closed to them.
    if standing.closed {
        return Step::Close;
    }
    let is_requested = wanted
        .context
        .as_ref()
        .is_some_and(|(_, classes)| !classes.iter().any(|class| class == saml::names::PASSWORD));
    let is_missing = !proven.second.is_some_and(is_fresh);
    let has_none = standing.second.means != Means::Give;
    let is_mailed = has_none && proven.mailed.is_some_and(is_fresh);
    if is_missing && (is_requested || (standing.second.is_asked && !is_mailed)) {
        match standing.second.means {
            Means::Give => return Step::SecondFactor,
            Means::Activate if !is_requested => return Step::Activate,
            Means::GoWithout if !is_requested => {}
            _ => return Step::Tell(Status::NoAuthnContext),
        }
    }
    // Whoever knows a password that went through other hands has shown what else there is to show.
    if standing.given {
        return Step::Change;
    }
    if standing.charter {
        return Step::Agree;
    }
    // What an answer would say depends on it, and so does what a person is told of one.
    if standing.post {
        return Step::Choose;
    }
    match standing.untold {
        Untold::Nothing => Step::Answer,
        Untold::Information => Step::Inform,
        Untold::Refusal => Step::Refuse,
    }
}

/// What an answer says was proven: the first class the request names among those that were, else
/// everything that was.
pub fn said(context: Option<&(bool, Vec<String>)>, proven: Proven) -> &'static str {
    let are_proven = PROVABLE
        .into_iter()
        .filter(|class| *class == saml::names::PASSWORD || proven.second.is_some());
    let are_proven: Vec<&'static str> = are_proven.collect();
    let named = context.into_iter().flat_map(|(_, classes)| classes);
    let mut wanted = named.filter_map(|name| are_proven.iter().find(|class| *class == name));
    let first = wanted.next().or_else(|| are_proven.first());
    first.copied().unwrap_or(saml::names::PASSWORD)
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

    const NOBODY: Standing = Standing {
        session: None,
        second: Second {
            is_asked: false,
            means: Means::Nothing,
        },
        given: false,
        charter: false,
        post: false,
        untold: Untold::Nothing,
        closed: false,
    };

    fn since(seconds: i64) -> Standing {
        Standing {
            session: Some(Proven {
                password: at(seconds),
                second: None,
                mailed: None,
            }),
            ..NOBODY
        }
    }

    /// With a second proof of that moment, a rule that asks, and what the person can do.
    fn both(password: i64, second: Option<i64>, is_asked: bool, means: Means) -> Standing {
        Standing {
            session: Some(Proven {
                password: at(password),
                second: second.map(at),
                mailed: None,
            }),
            second: Second { is_asked, means },
            given: false,
            charter: false,
            post: false,
            untold: Untold::Nothing,
            closed: false,
        }
    }

    #[test]
    fn nobody_is_asked_for_a_password_and_somebody_is_answered_for() {
        assert_eq!(next(&wanted(), NOBODY), Step::Password);
        assert_eq!(next(&wanted(), since(-3600)), Step::Answer);
        assert_eq!(next(&wanted(), since(5)), Step::Answer);
    }

    #[test]
    fn t01_a_service_that_is_closed_is_closed_after_the_password_and_before_all_else() {
        let closed = |standing: Standing| Standing {
            closed: true,
            untold: Untold::Information,
            ..standing
        };
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        let forced = Wanted {
            force_authn: true,
            ..wanted()
        };
        let asked = both(-1, None, true, Means::Give);
        assert_eq!(next(&wanted(), closed(NOBODY)), Step::Password);
        assert_eq!(next(&forced, closed(since(-1))), Step::Password);
        for standing in [since(-1), asked] {
            assert_eq!(next(&wanted(), closed(standing)), Step::Close);
            let told = Step::Tell(Status::RequestDenied);
            assert_eq!(next(&passive, closed(standing)), told);
        }
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
    fn a_password_that_was_given_is_changed_after_every_proof_and_before_the_answer() {
        let given = |standing: Standing| Standing {
            given: true,
            untold: Untold::Information,
            ..standing
        };
        assert_eq!(next(&wanted(), given(NOBODY)), Step::Password);
        assert_eq!(next(&wanted(), given(since(-1))), Step::Change);
        let charter = Standing {
            charter: true,
            ..since(-1)
        };
        assert_eq!(next(&wanted(), given(charter)), Step::Change);
        assert_eq!(next(&wanted(), charter), Step::Agree);
        let missing = both(-1, None, true, Means::Give);
        assert_eq!(next(&wanted(), given(missing)), Step::SecondFactor);
        let proven = both(-2, Some(-1), true, Means::Give);
        assert_eq!(next(&wanted(), given(proven)), Step::Change);
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        let refused = Step::Tell(Status::NoPassive);
        assert_eq!(next(&passive, given(since(-1))), refused);
    }

    #[test]
    fn d16_a_post_is_chosen_after_the_charter_and_before_what_is_told() {
        let several = |standing: Standing| Standing {
            post: true,
            untold: Untold::Information,
            ..standing
        };
        let charter = Standing {
            charter: true,
            ..since(-1)
        };
        assert_eq!(next(&wanted(), several(NOBODY)), Step::Password);
        assert_eq!(next(&wanted(), several(charter)), Step::Agree);
        assert_eq!(next(&wanted(), several(since(-1))), Step::Choose);
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        let told = next(&passive, several(since(-1)));
        assert_eq!(told, Step::Tell(Status::NoPassive));
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

    fn context(exact: bool, classes: &[&str]) -> Wanted {
        Wanted {
            context: Some((exact, classes.iter().map(|c| (*c).to_owned()).collect())),
            ..wanted()
        }
    }

    const PASSWORD: &str = saml::names::PASSWORD;
    const MFA: &str = saml::names::REFEDS_MFA;
    const NO_CONTEXT: Step = Step::Tell(Status::NoAuthnContext);

    #[test]
    fn p14_a_context_that_cannot_be_proven_is_told() {
        assert_eq!(next(&context(true, &[PASSWORD]), since(-1)), Step::Answer);
        assert_eq!(
            next(&context(true, &[MFA, PASSWORD]), NOBODY),
            Step::Password
        );
        assert_eq!(
            next(&context(true, &[MFA, PASSWORD]), since(-1)),
            Step::Answer
        );
        for refused in [
            context(true, &["urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos"]),
            context(true, &[]),
            context(false, &[PASSWORD]),
            context(false, &[MFA]),
        ] {
            assert_eq!(next(&refused, NOBODY), NO_CONTEXT);
            assert_eq!(next(&refused, since(-1)), NO_CONTEXT);
        }
        let mfa = context(true, &[MFA]);
        assert_eq!(next(&mfa, NOBODY), Step::Password);
        for (means, step) in [
            (Means::Give, Step::SecondFactor),
            (Means::Activate, NO_CONTEXT),
            (Means::GoWithout, NO_CONTEXT),
            (Means::Nothing, NO_CONTEXT),
        ] {
            assert_eq!(next(&mfa, both(-1, None, false, means)), step, "{means:?}");
            assert_eq!(next(&mfa, both(-1, Some(-1), false, means)), Step::Answer);
        }
    }

    #[test]
    fn a09_a_rule_asks_only_what_is_missing() {
        for (means, step) in [
            (Means::Give, Step::SecondFactor),
            (Means::Activate, Step::Activate),
            (Means::GoWithout, Step::Answer),
            (Means::Nothing, NO_CONTEXT),
        ] {
            assert_eq!(next(&wanted(), both(-1, None, true, means)), step);
            assert_eq!(next(&wanted(), both(-1, None, false, means)), Step::Answer);
            assert_eq!(
                next(&wanted(), both(-1, Some(-1), true, means)),
                Step::Answer
            );
            let nobody = Standing {
                session: None,
                ..both(-1, None, true, means)
            };
            assert_eq!(next(&wanted(), nobody), Step::Password);
        }
    }

    #[test]
    fn p13_a_forced_sign_on_needs_both_proofs_again_and_a_passive_one_none() {
        let forced = Wanted {
            force_authn: true,
            ..context(true, &[MFA])
        };
        let given = |password, second| both(password, second, true, Means::Give);
        assert_eq!(next(&forced, given(-5, Some(-1))), Step::Password);
        assert_eq!(next(&forced, given(1, Some(-1))), Step::SecondFactor);
        assert_eq!(next(&forced, given(1, None)), Step::SecondFactor);
        assert_eq!(next(&forced, given(1, Some(2))), Step::Answer);
        let passive = Wanted {
            is_passive: true,
            ..wanted()
        };
        let refused = Step::Tell(Status::NoPassive);
        assert_eq!(next(&passive, given(-1, None)), refused);
        assert_eq!(next(&passive, given(-1, Some(-1))), Step::Answer);
        let activate = both(-1, None, true, Means::Activate);
        assert_eq!(next(&passive, activate), refused);
        let nothing = both(-1, None, true, Means::Nothing);
        assert_eq!(next(&passive, nothing), NO_CONTEXT);
    }

    #[test]
    fn a05_a_mailed_code_is_enough_for_the_house_where_there_is_no_factor() {
        let mailed = |seconds, means| {
            let mut standing = both(-1, None, true, means);
            if let Some(proven) = &mut standing.session {
                proven.mailed = Some(at(seconds));
            }
            standing
        };
        assert_eq!(next(&wanted(), mailed(-1, Means::Activate)), Step::Answer);
        let forced = Wanted {
            force_authn: true,
            ..wanted()
        };
        assert_eq!(next(&forced, mailed(1, Means::Activate)), Step::Password);
        // Who has a factor gives it, and a service that asks for one is told no.
        assert_eq!(next(&wanted(), mailed(-1, Means::Give)), Step::SecondFactor);
        let mfa = context(true, &[MFA]);
        assert_eq!(next(&mfa, mailed(-1, Means::Activate)), NO_CONTEXT);
        let proven = mailed(-1, Means::Activate).session.unwrap();
        assert_eq!(said(None, proven), PASSWORD);
    }

    #[test]
    fn the_answer_says_what_was_proven() {
        let alone = Proven {
            password: at(0),
            second: None,
            mailed: None,
        };
        let two = Proven {
            second: Some(at(1)),
            ..alone
        };
        let asked = |classes: &[&str]| context(true, classes).context;
        assert_eq!(said(None, alone), PASSWORD);
        assert_eq!(said(None, two), MFA);
        assert_eq!(said(asked(&[PASSWORD]).as_ref(), two), PASSWORD);
        assert_eq!(said(asked(&[MFA, PASSWORD]).as_ref(), two), MFA);
        assert_eq!(said(asked(&[MFA, PASSWORD]).as_ref(), alone), PASSWORD);
    }
}
