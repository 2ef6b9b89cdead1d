//! Who asks: the service that a visitor is for, as they are shown it.

use std::time::{Duration, Instant};

use saml::metadata::{Localized, Logo};
use visits::client::{between, form, unescape};
use visits::{Answer, House, Partner};

use crate::search::first_page;
use crate::searching::pictures;

/// The path of the logo beside what the page says of the service.
fn logo_of(page: &Answer) -> Option<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    let asking = between(&page.body, "<div class=\"asking\">", "</div>").expect("who asks");
    between(&asking, " src=\"", "\"").map(|path| unescape(&path))
}

#[test]
fn d15_the_asking_service_is_shown_by_its_name_and_logo_in_the_visitors_language() {
    let (base, told) = pictures();
    let house = House::start();
    let mut partner = Partner::new("library.example");
    partner.discovery = Some("https://library.example/login".to_owned());
    let said = |lang: &str, text: &str| Localized {
        lang: lang.to_owned(),
        text: text.to_owned(),
    };
    partner.ui.display_names = vec![said("fr", "Bibliothèque"), said("en", "Library")];
    let logo = |lang: &str, height| Logo {
        url: format!("{base}/good.png?{lang}"),
        lang: Some(lang.into()),
        width: 80,
        height,
    };
    partner.ui.logos = vec![logo("de", 60), logo("fr", 16), logo("en", 200)];
    partner.register(&house, &[]);
    let client = house.client();
    let question = form(&[("entityID", partner.id.as_str())]);
    let shown = |path: &str, lang: &str| {
        client.get_with(&format!("{path}?{question}"), &[("accept-language", lang)])
    };
    // The first page asks for it, beside the visitor; a later one shows it.
    let logo_in = |lang: &str| {
        let started = Instant::now();
        loop {
            if let Some(path) = logo_of(&shown("/wayf/", lang)) {
                return path;
            }
            assert!(started.elapsed().as_secs() < 20, "the logo never comes");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let (french, english) = (logo_in("fr"), logo_in("en"));
    assert_ne!(french, english);
    let mut asked = [told.recv().unwrap(), told.recv().unwrap()];
    asked.sort();
    assert_eq!(asked, ["/good.png?en", "/good.png?fr"]);
    for path in ["/wayf/", "/wayf/search"] {
        for (lang, name, logo) in [("fr", "Bibliothèque", &french), ("en", "Library", &english)] {
            let page = shown(path, lang);
            assert_eq!(logo_of(&page).as_ref(), Some(logo), "{path} {lang}");
            assert!(unescape(&page.body).contains(name), "{path} {lang}");
            assert!(!page.body.contains(&base), "nobody is sent there");
            assert!(
                !page.body.contains(&format!(">{}", partner.id.as_str())),
                "an entityID is never shown alone"
            );
        }
    }
    let picture = client.get(&french);
    let kind = picture.header("content-type");
    assert_eq!((picture.status, kind), (200, Some("image/png")));
    let weight = first_page(&client, &format!("/wayf/?{question}"));
    assert!(weight < 30_000, "{weight} bytes");

    // A logo that would weigh more than the page is not shown on it.
    let mut heavy = Partner::new("heavy.example");
    heavy.discovery = Some("https://heavy.example/login".to_owned());
    heavy.ui.logos = vec![Logo {
        url: format!("{base}/heavy.png"),
        lang: None,
        width: 80,
        height: 60,
    }];
    heavy.register(&house, &[]);
    let question = form(&[("entityID", heavy.id.as_str())]);
    for _ in 0..5 {
        let page = client.get(&format!("/wayf/?{question}"));
        assert_eq!(logo_of(&page), None);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(told.recv().unwrap(), "/heavy.png");

    // Our own services have ours; whatever else of this house is named is never asked for.
    assert_eq!(logo_of(&client.get("/wayf/")).as_deref(), Some("/logo.png"));
    let mut sly = Partner::new("sly.example");
    sly.discovery = Some("https://sly.example/login".to_owned());
    sly.ui.logos = vec![Logo {
        url: house.at("/portail/logout"),
        lang: None,
        width: 80,
        height: 60,
    }];
    sly.register(&house, &[]);
    let question = form(&[("entityID", sly.id.as_str())]);
    for _ in 0..3 {
        let page = client.get(&format!("/wayf/?{question}"));
        assert_eq!(logo_of(&page), None);
        std::thread::sleep(Duration::from_millis(300));
    }
}
