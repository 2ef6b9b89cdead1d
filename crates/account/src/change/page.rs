//! The page, in its three steps.

use serde::Serialize;
use web::Page;

use crate::policy::{Broken, Rules};
use crate::sum::Question;

/// « Changer votre mot de passe »
#[derive(Debug, Serialize)]
pub(crate) struct ChangePage {
    pub(super) step: Step,
    pub(super) login: String,
    pub(super) profile: &'static str,
    pub(super) question: Option<Question>,
    pub(super) rules: Rules,
    pub(super) broken: Vec<Broken>,
    pub(super) said: Said,
    pub(super) pupil: bool,
    pub(super) compat: bool,
    /// The password that was proven was given by somebody else.
    pub(super) given: bool,
    #[serde(skip)]
    pub(super) form_action: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Prove,
    Choose,
    Done,
}

/// What the page says besides its form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Said {
    #[default]
    Nothing,
    /// The form's token is too old.
    Expired,
    /// A field is empty.
    Empty,
    /// The sum is another.
    Sum,
    /// Login, password or code is not right.
    Refused,
    /// What was proven is too long ago.
    Late,
    /// The password was changed not long ago.
    Soon,
}

impl Page for ChangePage {
    const TEMPLATE: &'static str = "account-change.html";

    fn samples() -> Vec<Self> {
        let page = |step, said, pupil| Self {
            step,
            login: "amartin".into(),
            profile: "personnel",
            question: (step == Step::Prove).then(|| Question {
                id: "q".into(),
                a: 47,
                b: 9,
            }),
            rules: Rules::of(&crate::policy::Policy::academie_2026()),
            broken: Vec::new(),
            said,
            pupil,
            compat: pupil,
            given: false,
            form_action: None,
        };
        let asked = [
            Said::Nothing,
            Said::Expired,
            Said::Empty,
            Said::Sum,
            Said::Refused,
            Said::Late,
        ];
        let mut pages: Vec<Self> = asked.map(|said| page(Step::Prove, said, false)).into();
        pages.push(Self {
            rules: Rules::of(&crate::policy::Policy::seed_2014()),
            ..page(Step::Prove, Said::Nothing, true)
        });
        for said in [Said::Nothing, Said::Expired, Said::Soon] {
            pages.push(page(Step::Choose, said, false));
        }
        pages.push(Self {
            broken: each_broken(),
            ..page(Step::Choose, Said::Nothing, true)
        });
        for pupil in [false, true] {
            pages.push(Self {
                given: true,
                ..page(Step::Choose, Said::Nothing, pupil)
            });
        }
        pages.push(page(Step::Done, Said::Nothing, false));
        pages.push(page(Step::Done, Said::Nothing, true));
        pages
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }

    fn form_action(&self) -> Option<String> {
        self.form_action.clone()
    }
}

/// One of each.
fn each_broken() -> Vec<Broken> {
    vec![
        Broken::Length(3),
        Broken::TooLong(256),
        Broken::Upper,
        Broken::Lower,
        Broken::Digit,
        Broken::Special,
        Broken::Own,
        Broken::Numen,
        Broken::Birth,
        Broken::Word("soleil".into()),
        Broken::Common,
        Broken::Breached,
        Broken::Past(3),
        Broken::Past(1),
        Broken::Confirmation,
    ]
}
