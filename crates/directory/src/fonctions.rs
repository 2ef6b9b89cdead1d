//! Functions of the personnel (`config/fonctions.toml`): what the ministry's codes say of them.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    fonction: Vec<Fonction>,
}

impl Fonctions {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let file: File = toml::from_str(text).map_err(|why| {
            let line = why.span().map_or(0, |span| line_of(text, span.start));
            vec![format!("fonctions.toml:{line}: {}", why.message())]
        })?;
        let mut faults = Vec::new();
        let mut fonctions = BTreeMap::new();
        for fonction in file.fonction {
            let id = fonction.id.clone();
            if fonctions.insert(id.clone(), fonction).is_some() {
                faults.push(format!("fonctions.toml: {id} stands twice"));
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

    /// Every id, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at)
        .map_or(0, |before| before.matches('\n').count())
        + 1
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

    #[test]
    fn faults_have_a_line() {
        let faults = Fonctions::parse("[[fonction]]\nid = \"a\"\nnonsense = 1\n").unwrap_err();
        assert!(faults[0].starts_with("fonctions.toml:"), "{faults:?}");
        assert!(Fonctions::parse(&format!("{FILE}\n{FILE}")).is_err());
    }
}
