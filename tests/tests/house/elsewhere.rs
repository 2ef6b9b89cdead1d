//! A service on another host, in a real browser: what the house's policies must let through.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use saml::metadata::{EntityPlan, IndexedEndpoint, IndexedEndpointUrl, RolePlan, Ui};
use saml::{Binding, EntityId};
use visits::{Browser, House, forge};

/// Answers every request with what `answer` makes of its first line, until the test ends.
fn serve(answer: impl Fn(&str) -> String + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            reply(stream, &answer);
        }
    });
    port
}

fn reply(mut stream: TcpStream, answer: &impl Fn(&str) -> String) {
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok();
    let mut head = [0; 16_384];
    let length = stream.read(&mut head).unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let first = head.lines().next().unwrap_or_default();
    stream.write_all(answer(first).as_bytes()).ok();
}

fn page(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}

pub(crate) fn register(house: &House, id: &str, login: &str) {
    let key = forge::stranger();
    let text = saml::metadata::compose(
        &EntityPlan {
            document_id: forge::random_id(),
            id: &EntityId::parse(id).unwrap(),
            valid_until: forge::now() + chrono::Duration::days(5),
            cache_s: 3600,
            ui: &Ui::default(),
            attributes: &[],
            role: RolePlan::Sp {
                acs: vec![IndexedEndpoint {
                    binding: Binding::Post,
                    location: format!("{id}/acs"),
                    index: 0,
                    is_default: true,
                }],
                slo: Vec::new(),
                discovery: vec![IndexedEndpointUrl {
                    location: login.to_owned(),
                    index: 0,
                    is_default: true,
                }],
                name_id_formats: Vec::new(),
                requested_attributes: &[],
            },
            signing_certificates: vec![key.certificate()],
        },
        &key,
    )
    .unwrap();
    let file = house.data.path().join("elsewhere.xml");
    std::fs::write(&file, text).unwrap();
    let added = house.run(&["sp", "add", &file.display().to_string()]);
    assert!(
        added.status.success(),
        "{}",
        String::from_utf8_lossy(&added.stderr)
    );
    std::thread::sleep(Duration::from_secs(2));
}

/// Browsers hold the redirections that follow a form to the form's page's `form-action`.
#[tokio::test(flavor = "multi_thread")]
async fn d01_a_choice_made_for_a_service_elsewhere_arrives_there() {
    let house = House::start();
    let end = serve(|first| page(&format!("<title>end</title><p>arrived by {first}</p>")));
    let service = serve(move |_| {
        format!(
            "HTTP/1.1 303 See Other\r\nlocation: http://localhost:{end}/inside\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        )
    });
    let id = format!("http://127.0.0.1:{service}/sp");
    let login = format!("http://127.0.0.1:{service}/login");
    register(&house, &id, &login);
    let browser = Browser::desktop(&house.url()).await;
    let question = form_urlencoded(&id);
    browser.goto(&format!("/wayf/?entityID={question}")).await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.wait_for_text("arrived by GET /inside").await;
    browser.close().await;

    let client = house.client();
    let csp = |path: &str| {
        let answer = client.get(path);
        answer.header("content-security-policy").unwrap().to_owned()
    };
    assert!(csp("/wayf/").contains("form-action 'self';"), "at home");
    let away = csp(&format!("/wayf/?entityID={question}"));
    assert!(away.contains("form-action 'self' https: "), "{away}");
}

fn form_urlencoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
