//! What is wrong with a record, for who has to mend it at the school or the rectorat.

use directory::Rule;

/// One sentence.
pub(super) fn sentence(rule: &Rule) -> String {
    match rule {
        Rule::Login => "l’identifiant compte 1 à 64 signes parmi a-z, 0-9, - . _".to_owned(),
        Rule::Names => "il manque le prénom ou le nom".to_owned(),
        Rule::Mail => "l’adresse de messagerie n’est pas de la forme nom@domaine".to_owned(),
        Rule::Recovery => "l’adresse de secours n’est pas de la forme nom@domaine".to_owned(),
        Rule::Text(text) => {
            let start: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
            format!("« {start} » dépasse 256 signes ou contient un signe invisible")
        }
        Rule::Many => "plus de 50 affectations, délégations ou groupes".to_owned(),
        Rule::SecondFactor => {
            "la deuxième vérification se demande none, external ou always".to_owned()
        }
        Rule::Numen => "le NUMEN n’est pas de la forme 09X1234567XYZ".to_owned(),
        Rule::Backwards { from, until } => {
            format!("la délégation finit le {until}, avant de commencer le {from}")
        }
        Rule::Twice { what, line } => {
            let what = match *what {
                "login" => "cet identifiant",
                "mail" => "cette adresse",
                other => other,
            };
            format!("{what} figure déjà à la ligne {line}")
        }
        Rule::Taken => "un autre compte a déjà cette adresse ou ce NUMEN".to_owned(),
        Rule::Elsewhere => "ce compte est tenu dans un annuaire LDAP : il s’y modifie".to_owned(),
        Rule::Lacks("login") => "il manque l’identifiant".to_owned(),
        Rule::Lacks(what) => format!("il manque {what}"),
        Rule::Broken(why) => format!("le fichier n’est pas lisible à partir d’ici ({why})"),
        quoted => of_value(quoted),
    }
}

/// Those that say what they are about.
fn of_value(rule: &Rule) -> String {
    match rule {
        Rule::Role(text) => format!("« {text} » n’est pas un rôle : operateur, assistance"),
        Rule::Uai(text) => {
            format!("« {text} » n’est pas un UAI (sept chiffres et leur lettre de contrôle)")
        }
        Rule::Function(text) => format!("« {text} » n’est pas une fonction"),
        Rule::Application(text) => format!("« {text} » n’est pas une application"),
        Rule::Realm(text) => {
            format!("« {text} » n’est pas un profil : personnel, eleve, parent, partenaire")
        }
        Rule::Date(text, form) => {
            let form = form.replace('D', "J").replace('Y', "A");
            format!("« {text} » n’est pas une date ({form})")
        }
        Rule::Cells { cells, columns } => format!("{cells} cases pour {columns} colonnes"),
        Rule::Column { name, times: 0 } => format!("il manque la colonne « {name} »"),
        Rule::Column { name, times } => format!("la colonne « {name} » figure {times} fois"),
        Rule::NoColumn(name) => format!("« {name} » n’est pas une colonne connue"),
        Rule::Structure(key) => {
            format!(
                "l’établissement « {key} » est inconnu : importez d’abord le fichier EtabEducNat"
            )
        }
        Rule::Nobody(key) => format!("personne n’est connu sous « {key} »"),
        Rule::Category(text) => format!("la catégorie « {text} » n’est pas prise en charge"),
        Rule::Operation(text) => format!("« {text} » n’est pas pris en charge"),
        other => other.to_string(),
    }
}
