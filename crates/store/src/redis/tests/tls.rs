//! Redis behind TLS: believed only with a certificate that the system trusts.

use super::*;

/// Makes a certificate for `localhost` and a Redis that shows it.
fn start() -> (Server, tempfile::TempDir, u16) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let port = free_port();
    let text = port.to_string();
    let more = [
        ["--tls-port", &text],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    let server = Server::on(0, &more.concat()).unwrap();
    (server, folder, port)
}

/// Run by the test below in a process of its own, whose system trusts the certificate.
#[tokio::test]
#[ignore = "the child of `tls_is_spoken_and_certificates_are_checked`"]
async fn child_that_trusts() {
    let Ok(url) = std::env::var("SHELF_TLS") else {
        return;
    };
    let shelf = straight(&url).await.unwrap();
    shelf.put("r", "k", vec![1], KEEP).await.unwrap();
    assert_eq!(shelf.take("r", "k").await.unwrap(), Some(vec![1]));
}

#[tokio::test]
async fn tls_is_spoken_and_certificates_are_checked() {
    let (_server, folder, port) = start();
    let url = format!("rediss://localhost:{port}");
    let child = |url: &str, trusted: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args([
                "--ignored",
                "--exact",
                "redis::tests::tls::child_that_trusts",
            ])
            .env("SHELF_TLS", url)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if trusted {
            child.env("SSL_CERT_FILE", folder.path().join("certificate.pem"));
        }
        child.status().unwrap().success()
    };
    assert!(child(&url, true), "a certificate that is trusted");
    assert!(!child(&url, false), "one that nobody trusts");
    assert!(
        !child(&format!("rediss://127.0.0.1:{port}"), true),
        "one for another name"
    );
    let told = straight(&url).await.unwrap().ready().await.unwrap_err();
    assert!(matches!(told, Away::Unreachable(_)), "{told}");
}
