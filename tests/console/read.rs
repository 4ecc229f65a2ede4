//! Pages without a script: everything can be read, decided and asked by plain requests; and whoever may not is refused.

use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::guests::{self, BORIS, HOSTILE_FILE, HOSTILE_NAME, HOSTILE_TEXTS, OPERATOR, READER, ROOM};
use crate::house::House;

/// Somebody with a program that fetches pages and runs nothing.
struct Visitor {
    client: Client,
    base: String,
    cookie: String,
}

impl Visitor {
    fn at(house: &House) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(20)).build();
        Self { client: client.expect("a client"), base: guests::base(house), cookie: String::new() }
    }

    /// Signs in, and keeps the cookie.
    async fn signed_in(house: &House, token: &str) -> Self {
        let mut visitor = Self::at(house);
        let form = format!("token={token}&to=%2Fconsole%2Fheld");
        let answer = visitor.post("/console/sign-in", &form, &visitor.base.clone()).await;
        assert_eq!((answer.status().as_u16(), location(&answer)), (303, "/console/held".to_owned()));
        let cookie = answer.headers()[SET_COOKIE].to_str().expect("a cookie is a text").to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        visitor.cookie = cookie.split(';').next().expect("a pair").to_owned();
        visitor
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        request.header("accept-language", "ru").send().await.expect("the engine answers")
    }

    /// A page's text, which must be there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        is_guarded(answer.headers());
        answer.text().await.expect("a page is a text")
    }

    async fn post(&self, path: &str, form: &str, origin: &str) -> Response {
        let request = self.client.post(format!("{}{path}", self.base)).header(COOKIE, &self.cookie);
        let request = request.header("origin", origin).header("content-type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await.expect("the engine answers")
    }
}

fn location(answer: &Response) -> String {
    answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned()
}

fn is_guarded(headers: &HeaderMap) {
    let policy = headers["content-security-policy"].to_str().expect("a text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
}

/// The addresses in a page that begin so.
fn links<'a>(page: &'a str, beginning: &str) -> Vec<String> {
    let mark = format!("\"{beginning}");
    let starts = page.match_indices(&mark).map(|(at, _)| &page[at + 1..]);
    let links: Vec<&'a str> = starts.filter_map(|rest| rest.split('"').next()).collect();
    links.into_iter().map(|link| link.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_everything_is_read_and_decided() {
    let (house, engine) = guests::house().await;
    guests::move_in(&house, &engine).await;
    let text = "Ваш заказ готов, ждём вас!";
    guests::refused(&house, &engine, &[(BORIS, "Борис Годунов", text)]).await;
    let visitor = Visitor::signed_in(&house, OPERATOR).await;
    let people = visitor.page("/console/dialogues").await;
    assert!(people.contains("Анна Каренина") && people.contains("lang=\"ru\""));
    // By a number in any form, by a name, by half of one.
    for asked in ["8%20916%20123-45-67", "%D0%90%D0%BD%D0%BD%D0%B0", "79161234567"] {
        let found = visitor.page(&format!("/console/dialogues?q={asked}")).await;
        assert!(found.contains("Анна Каренина") && !found.contains("Мария"), "{asked}");
    }
    let found = visitor.page("/console/dialogues?q=%D0%90%D0%BD%D0%BD%D0%B0").await;
    let dialogue = links(&found, "/console/dialogues/").remove(0);
    let chat = visitor.page(&dialogue).await;
    for shown in
        ["Синее кресло", "гостиная.png", "❤️", "<del>ой, это не сюда</del>", "доставка по Москве", "в Тверь сколько"]
    {
        assert!(chat.contains(shown), "{shown}\n{chat}");
    }
    // What lies with us is had by those who may look; what is not a picture, whatever it is called, is saved and never opened.
    let files = links(&chat, "/console/files/");
    for (name, bytes, media_type, is_saved) in
        [("%D0%B3%D0%BE", ROOM, "image/png", false), ("%D0%BF%D0%BB", HOSTILE_FILE, "application/octet-stream", true)]
    {
        let file = files.iter().find(|file| file.contains(name)).unwrap_or_else(|| panic!("{name}: {files:?}\n{chat}"));
        let answer = visitor.get(file).await;
        let headers = answer.headers().clone();
        assert!(answer.status() == 200 && headers["content-type"] == media_type, "{headers:?}");
        assert_eq!(headers.contains_key("content-disposition"), is_saved, "{headers:?}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().expect("a text");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.bytes().await.expect("it comes whole"), bytes);
        let stranger = Visitor::at(&house).get(file).await;
        assert!(stranger.status() == 303 && location(&stranger).starts_with("/console/sign-in"), "{stranger:?}");
    }
    for nothing in ["0".repeat(64), "..%2Flink.key".to_owned(), "x".to_owned()] {
        assert_eq!(visitor.get(&format!("/console/files/{nothing}")).await.status(), 404, "{nothing}");
    }
    let explained = visitor.page(&links(&chat, "/console/message?")[0]).await;
    assert!(explained.contains("слова клиента — в CRM"), "{explained}");
    let event = visitor.page(&links(&chat, "/console/event?")[0]).await;
    assert!(event.contains("MessageReceived"), "{event}");
    let hostile = visitor.page("/console/dialogues?q=%D0%B2%D0%B7%D0%BB%D0%BE%D0%BC").await;
    for harm in [HOSTILE_NAME, HOSTILE_TEXTS[0], "<svg/onload", "<img src=x"] {
        assert!(!hostile.contains(harm), "{harm}");
    }

    let held = visitor.page("/console/held").await;
    assert!(held.contains(text) && held.contains("not registered"), "{held}");
    let intent = held.split("name=\"intent\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let intent = intent.expect("a held intent can be chosen").to_owned();
    let decide = async |form: &str| {
        let answer = visitor.post("/console/held", form, &visitor.base).await;
        assert_eq!(answer.status(), 303, "{form}");
        location(&answer)
    };
    assert_eq!(decide("wish=retry&why=x").await, "/console/held?said=none");
    assert_eq!(decide(&format!("intent={intent}&wish=retry&why=%20")).await, "/console/held?said=why");
    assert_eq!(decide(&format!("intent={intent}&wish=elsewhere&why=x&phone=12")).await, "/console/held?said=to");
    let elsewhere = format!(
        "intent={intent}&wish=elsewhere&why=%D0%BF%D0%B5%D1%80%D0%B5%D0%B5%D1%85%D0%B0%D0%BB&phone=%2B7%20925%20777-00-11"
    );
    assert_eq!(decide(&elsewhere).await, "/console/held?done=1");
    house.until("at the new number: what was refused", || house.managers_lines("79257770011") == [text]).await;
    assert_eq!(decide(&elsewhere).await, "/console/held?gone=1", "it is held no more");
    assert!(visitor.page("/console/held").await.contains("Ничего не задержано"));
    house.settled(&engine).await;
    let log = visitor.page("/console/log?kind=OperatorInstructed").await;
    let event = links(&log, "/console/event?").remove(0);
    let event = visitor.page(&event).await;
    assert!(event.contains("olga") && event.contains("переехал"), "{event}");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_readers_and_pages_of_others_are_refused() {
    let (house, engine) = guests::house().await;
    house.acquainted(guests::ANNA, "Здравствуйте!").await;
    guests::refused(&house, &engine, &[(guests::ANNA, "Анна", "Ваш заказ готов.")]).await;
    let stranger = Visitor::at(&house);
    for path in
        ["/console/overview", "/console/dialogues?q=a", "/console/held", "/console/event?position=1", "/console/x"]
    {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status(), 303, "{path}");
        assert!(location(&answer).starts_with("/console/sign-in?to=%2Fconsole%2F"), "{path}: {}", location(&answer));
        is_guarded(answer.headers());
        assert!(answer.text().await.expect("a text").is_empty());
    }
    assert_eq!(stranger.get("/console/live").await.status(), 303);
    let refused = stranger.post("/console/sign-in", "token=clt_x", &stranger.base).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.headers().get(SET_COOKIE).is_none());
    // A token is no key on a page of somebody else's.
    let foreign = stranger.post("/console/sign-in", &format!("token={OPERATOR}"), "https://attacker.example").await;
    assert!(foreign.status() == 403 && foreign.headers().get(SET_COOKIE).is_none());

    let reader = Visitor::signed_in(&house, READER).await;
    let held = reader.page("/console/held").await;
    assert!(held.contains("Ваш заказ готов.") && !held.contains("name=\"intent\""), "{held}");
    let operator = Visitor::signed_in(&house, OPERATOR).await;
    let held = operator.page("/console/held").await;
    let intent = held.split("name=\"intent\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form = format!("intent={}&wish=skip&why=x", intent.expect("it can be chosen"));
    assert_eq!(reader.post("/console/held", &form, &reader.base).await.status(), 403);
    for origin in ["https://attacker.example", "null", ""] {
        assert_eq!(operator.post("/console/held", &form, origin).await.status(), 403, "{origin}");
    }
    assert!(operator.page("/console/held").await.contains("name=\"intent\""), "nothing was decided");
    // What cannot be understood is said, and nothing of how the program is made.
    for (path, status) in [
        ("/console/nothing", 404),
        ("/console/dialogues/no-uuid", 404),
        ("/console/dialogues/6d0f2a36-9c1e-5b7d-8e42-c4a177d30b95", 404),
        ("/console/message?id=nobody", 404),
        ("/console/message", 400),
        ("/console/event?position=x", 400),
        ("/console/event?position=999999", 404),
        ("/console/dialogues?cursor=%3Cscript%3E", 400),
        ("/console/log?at=-1&kind=%00&connection=%27%22", 200),
        ("/console/time?at=yesterday", 200),
        ("/console/overview?at=99999999999999999999", 200),
    ] {
        let answer = operator.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        is_guarded(answer.headers());
        let text = answer.text().await.expect("a text");
        for word in ["panicked", "src/", "sqlite", "SELECT", "rusqlite", "<script>"] {
            assert!(!text.contains(word), "{path}: {word}\n{text}");
        }
    }
    let out = operator.post("/console/sign-out", "", &operator.base).await;
    assert_eq!(location(&out), "/console/sign-in?out=1");
    assert_eq!(operator.get("/console/held").await.status(), 303, "the session is over");
    engine.end().await;
}
