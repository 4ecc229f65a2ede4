//! Giving: a form with a file as it goes over the wire.

use std::time::Duration;

use chatledger::http::{Http, NoReply};
use chatledger::media::store::Store;
use chatledger_connectors::connector::{FormPart, Request};
use chatledger_projections::files::Stored;
use tempfile::TempDir;

use crate::server::{Server, Then};

const SECOND: Duration = Duration::from_secs(1);

fn form(stored: Stored, file_name: &str) -> Request {
    let field = FormPart::Field { name: "company_id", value: "1".to_owned() };
    let file = FormPart::File { name: "file", stored, file_name: file_name.to_owned() };
    Request::form("POST", "/attachments/".to_owned(), vec![field, file])
}

#[tokio::test]
async fn a_form_says_its_length_and_a_hostile_name_stays_in_its_place() {
    let folder = TempDir::new().expect("there is room");
    let store = Store::open(folder.path(), 1000).expect("the folder is new");
    let mut incoming = store.begin().await.expect("there is room");
    incoming.write(b"the file").await.expect("there is room");
    let stored = store.finish(incoming, Some("text/plain")).await.expect("there is room");
    let platform = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Then::Ends).await;
    let http = Http::new(SECOND, SECOND).expect("it can be built");
    let base = format!("http://{}", platform.address);
    let request = form(stored, "a\"\r\nx-evil: 1\r\n\r\nbody.txt");
    let reply = http.send_form(&base, request, &store, 5 * SECOND).await.expect("it answers");
    assert_eq!(reply.status, 200);
    let said = platform.asked().pop().expect("it was asked");
    assert!(said.to_lowercase().contains("content-length: "), "{said}");
    assert!(said.contains("name=\"company_id\"\r\n\r\n1\r\n") && said.contains("\r\n\r\nthe file\r\n"), "{said}");
    assert!(said.to_lowercase().contains("content-type: text/plain"), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("x-evil")), "{said}");
}

#[tokio::test]
async fn a_file_that_is_lost_goes_nowhere() {
    let folder = TempDir::new().expect("there is room");
    let store = Store::open(folder.path(), 1000).expect("the folder is new");
    let platform = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Ends).await;
    let http = Http::new(SECOND, SECOND).expect("it can be built");
    let lost = Stored { sha256: "0".repeat(64), bytes: 3, media_type: "text/plain".to_owned() };
    let base = format!("http://{}", platform.address);
    let sent = http.send_form(&base, form(lost, "a.txt"), &store, SECOND).await;
    assert!(matches!(sent, Err(NoReply::NotSent(_))), "{sent:?}");
    assert!(platform.asked().is_empty());
}
