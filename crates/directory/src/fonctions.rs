//! Functions of the personnel (`config/fonctions.toml`): what the ministry's codes say of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// Every function by its id.
#[derive(Debug, Clone, Default)]
pub struct Fonctions(BTreeMap<String, Fonction>);

/// One function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fonction {
    /// The id that posts and the catalogue use.
    pub id: String,
    /// The ministry's code (`ENS`, `DEC`, `DIR`…).
    pub title: String,
    /// 1 or 2; 0 for both.
    #[serde(default)]
    pub degre: u8,
    /// Masculine label.
    pub libelle_m: String,
    /// Feminine label.
    pub libelle_f: String,
    /// English label.
    pub libelle_en: String,
    /// National profile (`National_ENS`…).
    pub sdet: String,
    /// eduPerson affiliations.
    pub affiliations: Vec<String>,
    /// `FrEduFonctAdm`; `X` for none.
    pub fredu_fonct_adm: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fonction: Vec<Spanned<toml::Table>>,
}

/// SDET profiles (DOMAIN 1.2).
const SDET: [&str; 9] = [
    "National_ELV",
    "National_TUT",
    "National_ENS",
    "National_DIR",
    "National_EVS",
    "National_ETA",
    "National_ACA",
    "National_DOC",
    "National_COL",
];
/// `eduPersonAffiliation` (eduPerson 2.2.1), and `teacher` of SUPANN.
const AFFILIATIONS: [&str; 9] = [
    "faculty",
    "student",
    "staff",
    "alum",
    "member",
    "affiliate",
    "employee",
    "library-walk-in",
    "teacher",
];

impl Fonctions {
    /// Reads the file's text; every fault at once, each with the line of its function.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let at = |place: usize, what: &dyn std::fmt::Display| {
            let line = text
                .get(..place)
                .map_or(0, |before| before.matches('\n').count())
                + 1;
            format!("fonctions.toml:{line}: {what}")
        };
        let file: File = toml::from_str(text)
            .map_err(|why| vec![at(why.span().map_or(0, |span| span.start), &why.message())])?;
        let mut faults = Vec::new();
        let mut fonctions = BTreeMap::new();
        for table in file.fonction {
            let place = table.span().start;
            let fonction: Fonction = match table.into_inner().try_into() {
                Ok(fonction) => fonction,
                Err(why) => {
                    faults.push(at(place, &why.message()));
                    continue;
                }
            };
            faults.extend(wrong(&fonction).iter().map(|fault| at(place, fault)));
            if let Some(before) = fonctions.insert(fonction.id.clone(), fonction) {
                faults.push(at(place, &format_args!("{} stands twice", before.id)));
            }
        }
        if faults.is_empty() {
            Ok(Self(fonctions))
        } else {
            Err(faults)
        }
    }

    /// The function of that id.
    pub fn find(&self, id: &str) -> Option<&Fonction> {
        self.0.get(id)
    }

    /// Those with that code of the ministry's.
    pub fn titled(&self, title: &str) -> impl Iterator<Item = &Fonction> {
        let all = self.0.values();
        all.filter(move |fonction| fonction.title == title)
    }

    /// Each code of the ministry's with the first id that has it.
    pub fn by_title(&self) -> Vec<(String, String)> {
        let all = self.0.values();
        all.map(|fonction| (fonction.title.clone(), fonction.id.clone()))
            .collect()
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn wrong(fonction: &Fonction) -> Vec<String> {
    let id = &fonction.id;
    let mut faults = Vec::new();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if id.is_empty() || !id.chars().all(plain) {
        faults.push(format!("{id:?} is not an id: a-z, 0-9, _"));
    }
    if fonction.degre > 2 {
        faults.push(format!("{id}: degre is 1, 2, or 0 for both"));
    }
    let texts = [
        ("title", &fonction.title),
        ("libelle_m", &fonction.libelle_m),
        ("libelle_f", &fonction.libelle_f),
        ("libelle_en", &fonction.libelle_en),
        ("fredu_fonct_adm", &fonction.fredu_fonct_adm),
    ];
    let empty = texts.iter().filter(|(_, text)| text.trim().is_empty());
    faults.extend(empty.map(|(name, _)| format!("{id}: {name} is empty")));
    if !SDET.contains(&fonction.sdet.as_str()) {
        faults.push(format!("{id}: {:?} is no SDET profile", fonction.sdet));
    }
    if fonction.affiliations.is_empty() {
        faults.push(format!("{id}: affiliations are needed"));
    }
    for affiliation in &fonction.affiliations {
        if !AFFILIATIONS.contains(&affiliation.as_str()) {
            faults.push(format!("{id}: {affiliation:?} is no affiliation"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../config/fonctions.toml");

    #[test]
    fn the_shipped_file_is_whole() {
        let fonctions = Fonctions::parse(FILE).unwrap();
        assert!(fonctions.ids().count() >= 15);
        let head = fonctions.find("directeur_ecole").unwrap();
        assert_eq!(
            (head.title.as_str(), head.fredu_fonct_adm.as_str()),
            ("DEC", "DEC")
        );
        assert!(fonctions.find("nobody").is_none());
    }

    const ONE: &str = "[[fonction]]\nid = \"a\"\ntitle = \"ENS\"\nlibelle_m = \"M\"\nlibelle_f = \"F\"\n\
        libelle_en = \"E\"\nsdet = \"National_ENS\"\naffiliations = [\"member\"]\nfredu_fonct_adm = \"X\"\n";

    #[test]
    fn every_fault_is_told_with_the_line_of_its_function() {
        let good = Fonctions::parse(ONE).unwrap();
        assert_eq!(good.find("a").unwrap().degre, 0, "both, unless said");
        let text = [
            ONE.to_owned(),
            ONE.to_owned(),
            ONE.replace("id = \"a\"", "id = \"B c\"\ndegre = 3"),
            ONE.replace("National_ENS", "National_XYZ")
                .replace("\"a\"", "\"c\""),
            ONE.replace("member", "king")
                .replace("\"a\"", "\"d\"")
                .replace("\"F\"", "\"\""),
            ONE.replace("sdet", "sdett"),
        ]
        .concat();
        assert_eq!(
            Fonctions::parse(&text).unwrap_err(),
            [
                "fonctions.toml:10: a stands twice",
                "fonctions.toml:19: \"B c\" is not an id: a-z, 0-9, _",
                "fonctions.toml:19: B c: degre is 1, 2, or 0 for both",
                "fonctions.toml:29: c: \"National_XYZ\" is no SDET profile",
                "fonctions.toml:38: d: libelle_f is empty",
                "fonctions.toml:38: d: \"king\" is no affiliation",
                "fonctions.toml:47: unknown field `sdett`, expected one of `id`, `title`, `degre`, \
                 `libelle_m`, `libelle_f`, `libelle_en`, `sdet`, `affiliations`, `fredu_fonct_adm`",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        for (text, line) in [
            ("[[fonction]]\nid = a\n", 2),
            ("", 1),
            ("fonction = 3", 1),
            ("\n[x]\n", 2),
        ] {
            let told = Fonctions::parse(text).unwrap_err();
            let start = format!("fonctions.toml:{line}: ");
            assert!(told[0].starts_with(&start), "{text:?} {told:?}");
        }
    }
}
