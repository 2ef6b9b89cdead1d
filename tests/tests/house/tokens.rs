//! Hardware tokens: a box is imported, handed out, made somebody's, taken back.

use std::process::Output;

use serde_json::Value;
use visits::{Answer, Client, House, PASSWORD, Phone};

const SEEDS: [&str; 3] = [
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU",
];
const PATH: &str = "/compte/otp/jeton";

fn said(output: &Output) -> String {
    let told = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&told).into_owned()
}

fn run(house: &House, arguments: &[&str], code: i32) -> String {
    let output = house.run(&[&["account", "tokens"], arguments].concat());
    let told = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    told
}

/// Serial number, state and account of each.
fn drawer(house: &House) -> Vec<String> {
    let told: Vec<Value> = serde_json::from_str(&run(house, &["list", "--json"], 0)).unwrap();
    let of = |one: &Value, name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let line = |one: &Value| {
        format!(
            "{} {} {}",
            of(one, "serial"),
            of(one, "state"),
            of(one, "account")
        )
    };
    told.iter().map(line).collect()
}

/// Signs in on the way to `path`; the second factor is typed where one is asked for.
fn at(house: &House, path: &str, login: &str, second: Option<&str>) -> (Client, Answer) {
    let client = house.client();
    let page = client.choose(&client.open(path), "personnel");
    let mut page = client.sign_in(&page, login, PASSWORD);
    if let Some(second) = second {
        let field = |name: &str| page.field(name).unwrap_or_default();
        let (csrf, flow) = (field("csrf"), field("flow"));
        let sent = [("csrf", csrf.as_str()), ("flow", &flow), ("otp", second)];
        let action = page.action("name=\"otp\"").expect("a code is asked for");
        page = client.follow(client.post(&action, &sent));
    }
    if page.field("SAMLResponse").is_some() {
        page = client.follow(client.deliver(&page));
    }
    (client, page)
}

fn claim(client: &Client, [numero, otp, pin, again]: [&str; 4]) -> Answer {
    let page = client.get(PATH);
    let form = page.body.split("action=\"/compte/otp/jeton\"").nth(1);
    let form = form.unwrap_or_else(|| panic!("no form: {}", page.body));
    let csrf = visits::client::between(form, "name=\"csrf\" value=\"", "\"").expect("a token");
    let sent = [
        ("csrf", csrf.as_str()),
        ("numero", numero),
        ("otp", otp),
        ("pin", pin),
        ("confirmation", again),
    ];
    client.follow(client.post(PATH, &sent))
}

#[test]
fn a07_a_token_of_a_box_becomes_its_holders_with_a_pin_and_is_taken_back() {
    let house = House::start();
    let file = house.data.path().join("box.csv");
    let path = file.display().to_string();
    let [one, two, three] = SEEDS;
    // What is wrong is told with its line, and nothing of the box is taken.
    std::fs::write(&file, format!("serial,seed\nFT-001,{one}\nFT-002,short\n")).unwrap();
    let told = run(&house, &["import", &path], 1);
    assert!(told.contains("FT002") && !told.contains(one), "{told}");
    assert_eq!(drawer(&house), [""; 0]);
    let text = format!("serial;seed\nFT-001;{one}\nFT-002;{two}\nFT-003;{three}\n");
    std::fs::write(&file, text).unwrap();
    run(&house, &["import", &path], 0);
    let again = run(&house, &["import", &path], 1);
    assert!(
        again.contains("FT-001") || again.contains("FT001"),
        "{again}"
    );
    run(&house, &["bind", "FT-002", "bleroy"], 0);
    run(&house, &["bind", "FT-009", "bleroy"], 1);
    run(&house, &["bind", "FT-002", "nobody"], 1);
    assert_eq!(
        drawer(&house),
        [
            "FT001 free -",
            "FT002 handed personnel/bleroy",
            "FT003 free -"
        ]
    );
    // Neither a token that is for somebody else, nor a wrong code, nor a PIN that anybody tries first.
    let mut phone = Phone::with(one);
    let (client, page) = at(&house, PATH, "amartin", None);
    assert!(page.body.contains("name=\"numero\""), "{}", page.body);
    let mut others = Phone::with(two);
    for (fields, part) in [
        (["FT-001", "", "2580", "2580"], "ne vont pas ensemble"),
        (
            ["FT-002", &others.code(), "2580", "2580"],
            "ne vont pas ensemble",
        ),
        (
            ["FT-001", &phone.wrong(), "2580", "2580"],
            "ne vont pas ensemble",
        ),
        (["FT-001", "000000", "1234", "1234"], "ni à la suite"),
        (["FT-001", "000000", "2580", "2581"], "pas les mêmes"),
    ] {
        let page = claim(&client, fields);
        assert!(
            page.body.contains(part) && page.body.contains("aria-invalid"),
            "{fields:?}: {}",
            page.body
        );
        assert!(!page.body.contains("2580"), "no PIN is written into a page");
    }
    let forged = client.post(PATH, &[("csrf", "x"), ("numero", "FT-001")]);
    assert!(forged.body.contains("role=\"alert\""), "{}", forged.body);
    let done = claim(&client, ["ft 001", &phone.code(), "2580", "2580"]);
    assert!(done.body.contains("class=\"codes"), "{}", done.body);
    // From now on it is asked for, with its PIN before the code.
    let bare = phone.code();
    let (_, page) = at(&house, "/compte/otp", "amartin", Some(&bare));
    assert!(page.body.contains("aria-invalid"), "{}", page.body);
    let (_, page) = at(
        &house,
        "/compte/otp",
        "amartin",
        Some(&format!("2580{bare}")),
    );
    assert!(page.body.contains("FT001"), "{}", page.body);
    let (_, page) = at(
        &house,
        "/compte/otp",
        "amartin",
        Some(&format!("2580{bare}")),
    );
    assert!(page.body.contains("Code déjà utilisé"), "{}", page.body);
    assert_eq!(drawer(&house)[0], "FT001 active personnel/amartin");
    run(&house, &["bind", "FT-001", "bleroy"], 1);
    // Nobody else makes it theirs; lost, it proves nobody.
    let (other, _) = at(&house, PATH, "cdupont", None);
    let taken = claim(&other, ["FT-001", &phone.code(), "2580", "2580"]);
    assert!(
        taken.body.contains("ne vont pas ensemble"),
        "{}",
        taken.body
    );
    run(&house, &["discard", "FT-001"], 0);
    run(&house, &["release", "FT-001"], 1);
    let (_, page) = at(&house, "/compte/otp", "amartin", None);
    assert!(
        page.body.contains("class=\"qr\""),
        "she has none: {}",
        page.body
    );
    // Neither PIN nor code nor seed is in a journal or in the file of accounts.
    let text: String = house.journal().iter().map(ToString::to_string).collect();
    assert!(!text.contains(one) && !text.contains(&bare));
    let accounts = std::fs::read(house.data.path().join("directory.sqlite")).unwrap();
    let holds = |what: &[u8]| accounts.windows(what.len()).any(|window| window == what);
    assert!(
        !holds(one.as_bytes()) && !holds(b"12345678901234567890"),
        "encrypted"
    );
}
