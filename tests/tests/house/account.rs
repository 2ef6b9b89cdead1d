//! « Gestion du compte », through the front door.

use visits::House;

#[test]
fn the_account_pages_show_a_person_their_own_account_and_nobody_elses() {
    let house = House::start();
    let client = house.client();
    let menu = client.get("/compte/");
    assert_eq!(menu.status, 200, "anybody reads the menu: {}", menu.body);
    assert!(
        menu.body.contains("href=\"/compte/identite\""),
        "{}",
        menu.body
    );
    assert_eq!(menu.user(), None);

    // A private page asks who is there, and comes back to itself.
    let wayf = client.open("/compte/identite");
    let login = client.choose(&wayf, "personnel");
    let page = client.sign_in(&login, "amartin", visits::PASSWORD);
    let page = client.follow(client.deliver(&page));
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.user().as_deref(), Some("amartin"));
    assert!(
        page.body.contains("anne.martin@ac-demo.example"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("09X1234567XYZ"), "no NUMEN on any page");

    // Another browser is asked again, another person sees themselves.
    let other = house.client();
    let login = other.choose(&other.open("/compte/identite"), "eleve");
    let page = other.sign_in(&login, "jeanne.b", visits::PASSWORD);
    let page = other.follow(other.deliver(&page));
    assert_eq!(page.user().as_deref(), Some("jeanne.b"));
    assert!(
        page.body.contains("Ces informations viennent de ton"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("anne.martin"), "{}", page.body);

    for path in ["/compte/none", "/compte/identite/x"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    assert_eq!(client.post("/compte/identite", &[]).status, 405);
}
