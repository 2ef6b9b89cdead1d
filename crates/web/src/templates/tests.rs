use super::*;

fn theme(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let theme = theme(files);
    let samples = Sample::of::<crate::guard::RefusedPage>();
    check(&samples, Some(theme.path()))
        .into_iter()
        .map(|fault| fault.replace(theme.path().to_str().unwrap(), "theme"))
        .collect()
}

#[test]
fn the_embedded_files_load() {
    if let Err(faults) = Templates::load(None) {
        panic!("{faults:#?}");
    }
}

#[test]
fn our_own_pages_render_in_both_languages() {
    let faults = check(&crate::edge::samples(), None);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_theme_overrides_file_by_file_and_its_faults_are_placed() {
    for (text, line) in [
        ("\n{{ page.nothing }}", 2),
        ("{% if %}", 1),
        ("{{ t(\"no\", n=1) }}", 1),
    ] {
        let found = faults(&[("pages/refused.html", text)]);
        let place = format!("theme/pages/refused.html:{line}: ");
        assert!(
            found.iter().any(|f| f.starts_with(&place)),
            "{text}: {found:#?}"
        );
    }
    assert_eq!(
        faults(&[("pages/refused.html", "{{ t(\"site.name\") }}")]),
        [""; 0]
    );
}

#[test]
fn what_a_theme_names_and_does_not_have_is_found_in_branches_too() {
    let found = faults(&[(
        "layout.html",
        "{% if false %}\n{{ t(\"site.none\") }}{{ asset(\"none.css\") }}\n{% endif %}",
    )]);
    assert_eq!(
        found,
        [
            "theme/layout.html:2: there is no site.none",
            "theme/layout.html:2: there is no none.css"
        ]
    );
}

#[test]
fn faults_of_every_kind_come_together() {
    let found = faults(&[
        ("words/fr.toml", "[site]\nnone = \"x\""),
        ("words/en.toml", "[site\n"),
        ("assets/notes.txt", "x"),
        ("pages/refusd.html", "x"),
        ("pages/refused.html", "{% if %}"),
    ]);
    for expected in [
        "theme/words/fr.toml:2: no page says site.none",
        "theme/words/en.toml:1: ",
        "assets/notes.txt: files of this kind are not served",
        "theme/pages/refusd.html: takes the place of no page",
        "theme/pages/refused.html:1: ",
    ] {
        assert!(
            found.iter().any(|f| f.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
}

#[test]
fn a_theme_names_the_academie_without_repeating_the_rest() {
    let theme = theme(&[("words/fr.toml", "[site]\nacademie = \"Académie de Lille\"")]);
    let templates = Templates::load(Some(theme.path())).unwrap();
    assert_eq!(
        templates.words.find(Lang::Fr, "site.academie"),
        Some("Académie de Lille")
    );
    assert_eq!(templates.words.find(Lang::Fr, "site.name"), Some("Eduline"));
}

#[test]
fn what_pages_are_given_is_escaped() {
    let theme = theme(&[(
        "pages/refused.html",
        "{{ page.code }}|{{ t(\"portal.hello\", name=page.code) }}",
    )]);
    let templates = Templates::load(Some(theme.path())).unwrap();
    let page = minijinja::context! { code => "<script>\"'&" };
    let around = Surroundings {
        lang: Lang::Fr,
        tutoie: false,
        path: "/",
        here: "/?",
        reference: "K7QP-3MXD",
        user: None,
        csrf: Arc::new(|_| String::new()),
    };
    let html = templates.render("refused.html", page, &around).unwrap();
    assert!(!html.contains('<') && !html.contains('"'), "{html}");
    assert_eq!(html.matches("&lt;script&gt;").count(), 2, "{html}");
}
