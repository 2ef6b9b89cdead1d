//! Who sees what: one pure rule over what the assertion said.

use chrono::NaiveDate;
use saml::attribute::{AFFECTATION, CTGRPS, FONCTION, FREDU_RES_DEL, POSTE};
use sp::SignedIn;

use crate::catalogue::{Application, Message};
use crate::role::Post;

/// A person as the rule sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// The profile their identity provider stands for.
    pub profile: Option<String>,
    /// Ids of their functions, the main one first.
    pub functions: Vec<String>,
    /// Ids of the applications delegated to them today.
    pub delegated: Vec<String>,
    /// Application groups of the directory they are in.
    pub groups: Vec<String>,
    /// What they do and where, as far as their provider says it.
    pub posts: Vec<Post>,
    /// What they said at sign-on of the posts they are here in, where their provider asks: the id of one, or
    /// `*` for all of them.
    pub said: Option<String>,
    /// The id of the post they chose to be here in; without one, all their functions count.
    pub role: Option<String>,
}

/// What keeps an application from somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// It is for other profiles.
    Profile,
    /// None of their functions or groups opens it.
    Function,
    /// Nor does a delegation of today, which could.
    FunctionOrDelegation,
    /// The post they are here in does not open it; another of theirs does.
    OtherPost,
}

impl Visitor {
    /// The visitor one assertion describes, on `today`.
    pub fn of(signed_in: &SignedIn, profile: Option<String>, today: NaiveDate) -> Self {
        let values = |name: &str| -> Vec<String> {
            let values = signed_in.login.values(name).map(str::trim);
            values
                .filter(|value| !value.is_empty() && *value != "X")
                .map(str::to_owned)
                .collect()
        };
        let delegations = values(FREDU_RES_DEL.name);
        Self {
            profile,
            functions: values(FONCTION.name),
            delegated: delegations
                .iter()
                .filter_map(|value| delegated_on(value, today))
                .collect(),
            groups: values(CTGRPS.name),
            posts: Post::distinct(&values(POSTE.name)),
            said: values(AFFECTATION.name).into_iter().next(),
            role: None,
        }
    }

    /// The same person as they said at sign-on that they are here, whatever they chose on the portal before; where
    /// nobody asked, in the post they chose on the portal.
    #[must_use]
    pub fn as_said(self, remembered: Option<&str>) -> Self {
        match self.said.clone() {
            Some(said) => self.in_role(Some(said.as_str())),
            None => self.in_role(remembered),
        }
    }

    /// The same person in one of their posts: its function counts, and no other; delegations and
    /// groups are their own wherever they are. A post they do not hold, or the only one, changes
    /// nothing.
    #[must_use]
    pub fn in_role(mut self, role: Option<&str>) -> Self {
        let mut posts = self.posts.iter();
        let held = posts.find(|post| role == Some(post.id().as_str()));
        if let Some(post) = held.filter(|_| self.posts.len() > 1) {
            self.role = Some(post.id());
            self.functions = vec![post.function.clone()];
        }
        self
    }

    /// Whether a message is for this person: by profile and, for staff, by function.
    pub fn is_told(&self, message: &Message) -> bool {
        let Some(profile) = &self.profile else {
            return false;
        };
        message.profils.contains(profile)
            && (profile != "personnel" || self.holds_one_of(&message.fonctions))
    }

    fn holds_one_of(&self, functions: &[String]) -> bool {
        functions
            .iter()
            .any(|function| function == "*" || self.functions.contains(function))
    }

    /// Whether this person sees the application.
    pub fn sees(&self, application: &Application) -> bool {
        self.lacks(application).is_none()
    }

    /// The one rule: their profile may, and for staff one of their functions, a delegation of today,
    /// or a group opens it. What is lacking, when something is.
    pub fn lacks(&self, application: &Application) -> Option<Lacking> {
        let Some(profile) = &self.profile else {
            return Some(Lacking::Profile);
        };
        if !application.profils.contains(profile) {
            return Some(Lacking::Profile);
        }
        if profile != "personnel" {
            return None;
        }
        let by_function = self.holds_one_of(&application.fonctions);
        let by_delegation = application.delegable && self.delegated.contains(&application.id);
        let by_group = self
            .groups
            .iter()
            .any(|group| *group == application.id || application.ctgrps.contains(group));
        if by_function || by_delegation || by_group {
            return None;
        }
        let mut elsewhere = self.posts.iter().map(|post| &post.function);
        Some(
            if elsewhere.any(|one| application.fonctions.contains(one)) {
                Lacking::OtherPost
            } else if application.delegable {
                Lacking::FunctionOrDelegation
            } else {
                Lacking::Function
            },
        )
    }

    /// Whether pages say "tu".
    pub fn is_pupil(&self) -> bool {
        self.profile.as_deref() == Some("eleve")
    }
}

/// The application of one `FrEduResDel` value, `app|url|start|end|…` with dates as DD/MM/YYYY, when
/// `today` lies within (DOMAIN 1.3). What cannot be read opens nothing.
fn delegated_on(value: &str, today: NaiveDate) -> Option<String> {
    let mut parts = value.split('|');
    let application = parts.next()?.trim();
    let day = |text: Option<&str>| NaiveDate::parse_from_str(text?.trim(), "%d/%m/%Y").ok();
    let (from, until) = (day(parts.nth(1))?, day(parts.next())?);
    (!application.is_empty() && from <= today && today <= until).then(|| application.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::SecondFactor;

    fn application(profiles: &[&str], functions: &[&str], delegable: bool) -> Application {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Application {
            id: "app".into(),
            nom: String::new(),
            categorie: String::new(),
            rubrique: String::new(),
            rubrique_en: String::new(),
            description: String::new(),
            description_en: String::new(),
            profils: owned(profiles),
            fonctions: owned(functions),
            ctgrps: owned(&["APP-ACA"]),
            delegable,
            otp: SecondFactor::None,
            url: "/".into(),
            bientot: false,
            cachee: false,
            maintenance: None,
            sp: None,
            demande: None,
            porte: false,
        }
    }

    fn staff(functions: &[&str]) -> Visitor {
        Visitor {
            profile: Some("personnel".into()),
            functions: functions.iter().map(|text| (*text).to_owned()).collect(),
            ..Visitor::default()
        }
    }

    #[test]
    fn a_function_opens_what_is_for_it() {
        let for_heads = application(&["personnel"], &["directeur_ecole"], false);
        assert!(staff(&["enseignant_1d", "directeur_ecole"]).sees(&for_heads));
        assert!(!staff(&["enseignant_1d"]).sees(&for_heads));
        assert!(!staff(&[]).sees(&for_heads));
        assert!(staff(&[]).sees(&application(&["personnel"], &["*"], false)));
    }

    #[test]
    fn a_profile_is_needed_whatever_the_function() {
        let for_staff = application(&["personnel"], &["*"], true);
        let mut visitor = staff(&["directeur_ecole"]);
        visitor.groups = vec!["app".into()];
        visitor.delegated = vec!["app".into()];
        for profile in [Some("eleve"), Some("partenaire"), Some(""), None] {
            visitor.profile = profile.map(str::to_owned);
            assert!(!visitor.sees(&for_staff), "{profile:?}");
        }
        visitor.profile = Some("eleve".into());
        assert!(visitor.sees(&application(
            &["eleve", "parent"],
            &["directeur_ecole"],
            false
        )));
    }

    #[test]
    fn a_delegation_or_a_group_opens_it_too() {
        let mut visitor = staff(&[]);
        visitor.delegated = vec!["app".into()];
        assert!(visitor.sees(&application(&["personnel"], &["dasen"], true)));
        assert!(
            !visitor.sees(&application(&["personnel"], &["dasen"], false)),
            "not delegable"
        );
        visitor.delegated.clear();
        visitor.groups = vec!["app".into()];
        assert!(visitor.sees(&application(&["personnel"], &["dasen"], false)));
        visitor.groups = vec!["APP-ACA".into()];
        assert!(visitor.sees(&application(&["personnel"], &["dasen"], false)));
        for other in ["application", "APP", "app-aca", "APP-ACA,X"] {
            visitor.groups = vec![other.into()];
            let opened = visitor.sees(&application(&["personnel"], &["dasen"], false));
            assert!(!opened, "{other}");
        }
    }

    #[test]
    fn t10_in_one_post_its_function_counts_alone_and_what_is_not_held_changes_nothing() {
        let posts = ["enseignant_1d$9990101F$A", "directeur_ecole$9990102G$B"];
        let everywhere = Visitor {
            posts: Post::distinct(&posts.map(str::to_owned)),
            delegated: vec!["app".into()],
            ..staff(&["enseignant_1d", "directeur_ecole"])
        };
        let for_heads = application(&["personnel"], &["directeur_ecole"], false);
        let delegated = application(&["personnel"], &["dasen"], true);
        for (role, opens) in [
            (None, true),
            (Some("enseignant_1d.9990101F"), false),
            (Some("directeur_ecole.9990102G"), true),
            (Some("directeur_ecole.9990101F"), true),
            (Some("dasen.9990101F"), true),
            (Some(""), true),
        ] {
            let there = everywhere.clone().in_role(role);
            assert_eq!(there.sees(&for_heads), opens, "{role:?}");
            assert!(there.sees(&delegated), "{role:?}");
            let held = posts.iter().any(|post| {
                let mut parts = post.split('$');
                let id = format!("{}.{}", parts.next().unwrap(), parts.next().unwrap());
                role == Some(id.as_str())
            });
            assert_eq!(there.role.is_some(), held, "{role:?}");
        }
        let mut one = everywhere;
        one.posts.truncate(1);
        assert_eq!(one.in_role(Some("enseignant_1d.9990101F")).role, None);
    }

    #[test]
    fn d16_what_was_said_at_sign_on_counts_before_what_was_chosen_here() {
        let posts = ["enseignant_1d$9990101F$A", "directeur_ecole$9990102G$B"];
        let of = |said: Option<&str>| Visitor {
            posts: Post::distinct(&posts.map(str::to_owned)),
            said: said.map(str::to_owned),
            ..staff(&["enseignant_1d", "directeur_ecole"])
        };
        let (teacher, head) = ("enseignant_1d.9990101F", "directeur_ecole.9990102G");
        let role = |said, remembered| of(said).as_said(remembered).role;
        assert_eq!(role(None, Some(head)).as_deref(), Some(head));
        assert_eq!(role(Some(teacher), Some(head)).as_deref(), Some(teacher));
        assert_eq!(role(Some("*"), Some(head)), None);
        assert_eq!(role(Some("dasen.1A"), Some(head)), None, "not held");
    }

    #[test]
    fn t07_what_is_lacking_is_told_apart() {
        let for_heads = |delegable| application(&["personnel"], &["directeur_ecole"], delegable);
        let mut visitor = staff(&["enseignant_1d"]);
        assert_eq!(visitor.lacks(&for_heads(false)), Some(Lacking::Function));
        let lacks = visitor.lacks(&for_heads(true));
        assert_eq!(lacks, Some(Lacking::FunctionOrDelegation));
        let posts = ["enseignant_1d$1A$A", "directeur_ecole$2B$B"];
        visitor.posts = Post::distinct(&posts.map(str::to_owned));
        let there = visitor.in_role(Some("enseignant_1d.1A"));
        assert_eq!(there.lacks(&for_heads(true)), Some(Lacking::OtherPost));
        let for_pupils = application(&["eleve"], &["*"], true);
        assert_eq!(there.lacks(&for_pupils), Some(Lacking::Profile));
        let nobody = Visitor::default().lacks(&for_pupils);
        assert_eq!(nobody, Some(Lacking::Profile));
    }

    #[test]
    fn a_delegation_counts_on_its_days() {
        let on = |text: &str| delegated_on(text, NaiveDate::from_ymd_opt(2026, 11, 23).unwrap());
        let fine = "onde|https://x|01/09/2026|31/12/9999|chef|FrEduRneResp=0590121L|s|f|";
        assert_eq!(on(fine).as_deref(), Some("onde"));
        assert_eq!(on("onde||23/11/2026|23/11/2026").as_deref(), Some("onde"));
        for refused in [
            "",
            "onde",
            "onde|https://x",
            "onde||24/11/2026|31/12/9999",
            "onde||01/01/2026|22/11/2026",
            "onde||2026-01-01|2026-12-31",
            "onde||31/02/2026|31/12/2026",
            "|x|01/09/2026|31/12/9999",
            "X",
        ] {
            assert_eq!(on(refused), None, "{refused}");
        }
    }
}
