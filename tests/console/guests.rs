//! Whom the pages are about: lively dialogues in Russian between two platforms, and names and texts that mean harm.
//!
//! Everything comes in as it would at work: people write at simulated platforms, whose webhooks the real engine takes.

use chatledger::demo::stage::{Fault, Held, Lying};
use chatledger_connectors::simulator::{Alteration, Gesture, Reaction};
use serde_json::Value;

use crate::engine::Engine;
use crate::house::{House, Plan};

pub const ANNA: &str = "79161234567";
pub const BORIS: &str = "79167654321";
pub const HOSTILE: &str = "79150001122";

/// A name that would run if it were not shown.
pub const HOSTILE_NAME: &str = "<script>document.title='взломано'</script>";

/// Texts that would break out of a page, turn it around, or burst it.
pub const HOSTILE_TEXTS: [&str; 4] = [
    "\"><img src=x onerror=\"document.title='взломано'\"> & </textarea></pre><svg/onload=alert(1)>",
    "\u{202e}тскет йынтарбо\u{202c} مرحبا {{7*7}} ${7*7} \u{200f}",
    "🦊🎉👨‍👩‍👧‍👦 Z̷̢̛a̶l̴g̸o̵",
    "javascript:alert(document.cookie)//%0d%0aSet-Cookie:%20a=b",
];

/// What an operator and a reader sign in with.
pub const OPERATOR: &str = "clt_0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub const READER: &str = "clt_77778888999900001111222233334444777788889999000011112222333344aa";

/// A house with tokens, and a running engine.
pub async fn house() -> (House, Engine) {
    let house = House::build(Plan::USUAL).await;
    let path = house.folder.path().join("chatledger.toml");
    let text = std::fs::read_to_string(&path).expect("it was written");
    std::fs::write(&path, format!("{text}\n{}", tokens())).expect("the folder can be written to");
    let engine = house.start().await;
    (house, engine)
}

/// The addresses of the console's pages begin with this.
pub fn base(house: &House) -> String {
    format!("http://{}", house.private)
}

/// Fills the house with people.
pub async fn move_in(house: &House, engine: &Engine) {
    talk_with_anna(house, engine).await;
    let hostile = |text: &str| client_writes(house, HOSTILE, HOSTILE_NAME, text);
    for text in HOSTILE_TEXTS {
        hostile(text);
        house.until_shown(&house.crm.name, text).await;
    }
    hostile(&long_text());
    for (phone, name, text) in [
        ("79031112233", "Пётр Ильич", "Здравствуйте! Заказ № 1812 уже собран?"),
        ("79057778899", "Мария Склодовская", "Подскажите, есть ли доставка в Варшаву"),
        ("79251234455", "Очень Длинное Имя Константин Константинович Переяславский-Залесский", "Добрый вечер"),
        ("79990007788", "🦊 Лиса", "А скидки есть?"),
        ("79119992211", "مريم أحمد", "Здравствуйте, вы работаете в воскресенье?"),
    ] {
        client_writes(house, phone, name, text);
        house.until_shown(&house.crm.name, text).await;
    }
    manager_writes(house, "79031112233", "Пётр Ильич", "Добрый день! Да, собран, можно забирать с 10 до 20.");
    house.settled(engine).await;
}

/// A dialogue with something of everything.
async fn talk_with_anna(house: &House, engine: &Engine) {
    let name = "Анна Каренина";
    client_writes(house, ANNA, name, "Здравствуйте! Синее кресло «Тверь» ещё есть в наличии?");
    house.until_shown(&house.crm.name, "Здравствуйте! Синее кресло «Тверь» ещё есть в наличии?").await;
    house.settled(engine).await;
    manager_writes(house, ANNA, name, "Добрый день, Анна! Да, три штуки на складе. Цена 24 900 ₽.");
    house.until_shown(&house.messenger.name, "Добрый день, Анна! Да, три штуки на складе. Цена 24 900 ₽.").await;
    house.settled(engine).await;
    gesture(house, &house.messenger.name, Gesture::ClientReads { phone: ANNA.to_owned() });
    client_writes(house, ANNA, name, "Отлично. А доставка по Москве сколько?");
    house.until_shown(&house.crm.name, "Отлично. А доставка по Москве сколько?").await;
    alters(
        house,
        Alteration::Edits {
            text: "Отлично. А доставка в Тверь сколько стоит?".to_owned()
        },
    );
    house.settled(engine).await;
    picture(house);
    house.settled(engine).await;
    manager_writes(house, ANNA, name, "В Тверь — 1 200 ₽, привезём в четверг. Кресло на фото подойдёт идеально 👍");
    house.settled(engine).await;
    alters(house, Alteration::Reacts { emoji: Some("❤️".to_owned()) });
    client_writes(house, ANNA, name, "ой, это не сюда");
    house.until_shown(&house.crm.name, "ой, это не сюда").await;
    alters(house, Alteration::Deletes);
    house.settled(engine).await;
}

/// A room with an armchair, 480 by 300.
pub const ROOM: &[u8] = include_bytes!("../../fixtures/files/armchair.png");

/// What is called a picture and is a page.
pub const HOSTILE_FILE: &[u8] = b"<!doctype html><script>document.title = 'hacked'</script>";

fn lay(house: &House, path: &str, bytes: &'static [u8], media_type: &'static str) {
    let lying = Lying { content: Held::Bytes(bytes), media_type };
    house.stage.lay(&house.messenger.name, path, lying).expect("the messenger is on stage");
}

/// The client sends a picture: her last message with another content.
fn picture(house: &House) {
    let sent = house.stage.sent(&house.messenger.name);
    let last = sent.iter().rev().find_map(|sent| {
        let hook: Value = serde_json::from_slice(&sent.webhook.body).ok()?;
        (hook["type"] == "message" && hook["object"]["income"] == true).then_some(hook)
    });
    let mut hook = last.expect("the client has written before");
    let object = &mut hook["object"];
    object["id"] = 70_001.into();
    object["message"] = "Вот такая комната, подойдёт?".into();
    let url = |name: &str| format!("{}/files/{name}", house.messenger.door.base_url());
    object["attachments"] = serde_json::json!([
        { "id": 1, "file_name": "гостиная.png", "mime_type": "image/png", "size": ROOM.len(), "attachment_url": url("room.png") },
        { "id": 2, "file_name": "план.png", "mime_type": "image/png", "attachment_url": url("plan.png") }
    ]);
    lay(house, "/files/room.png", ROOM, "image/png");
    lay(house, "/files/plan.png", HOSTILE_FILE, "image/png");
    house.stage.say(&house.messenger.name, hook.to_string().as_bytes()).expect("the messenger is on stage");
}

/// Messages of managers that the messenger refuses: each is held.
pub async fn refused(house: &House, engine: &Engine, texts: &[(&str, &str, &str)]) {
    house.settled(engine).await;
    for (nth, (phone, name, text)) in texts.iter().enumerate() {
        let body =
            br#"{"errors":[{"status":422,"code":"invalid","title":"The number is not registered in the messenger"}]}"#;
        let refusal = Reaction { status: 422, headers: Vec::new(), body: body.to_vec(), webhooks: Vec::new() };
        house.stage.fault(&house.messenger.name, Fault::Answered(refusal)).expect("it is on stage");
        manager_writes(house, phone, name, text);
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(45);
        while engine.counted("chatledger_held_intents", "").await != Some(nth as f64 + 1.0) {
            assert!(tokio::time::Instant::now() < deadline, "in vain awaited: a held intent\n{}", house.tail());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Four thousand signs.
pub fn long_text() -> String {
    "Пишу подробно, чтобы потом не было вопросов. ".repeat(90)
}

pub fn client_writes(house: &House, phone: &str, name: &str, text: &str) {
    let gesture_of = Gesture::ClientWrites { phone: phone.to_owned(), name: name.to_owned(), text: text.to_owned() };
    gesture(house, &house.messenger.name, gesture_of);
}

pub fn manager_writes(house: &House, phone: &str, name: &str, text: &str) {
    let gesture_of = Gesture::ManagerWrites { phone: phone.to_owned(), name: name.to_owned(), text: text.to_owned() };
    gesture(house, &house.crm.name, gesture_of);
}

pub fn alters(house: &House, alteration: Alteration) {
    gesture(house, &house.messenger.name, Gesture::Alters { phone: ANNA.to_owned(), alteration });
}

fn gesture(house: &House, at: &chatledger_projections::ids::ConnectionName, gesture: Gesture) {
    house.stage.gesture(at, &gesture).expect("people may do that");
}

fn tokens() -> String {
    use sha2::{Digest as _, Sha256};
    let digest = |token: &str| hex::encode(Sha256::digest(token.as_bytes()));
    format!(
        "[access.tokens.olga]\nrole = \"operator\"\nsha256 = \"{}\"\n\n[access.tokens.anton]\nrole = \"reader\"\nsha256 = \"{}\"\n",
        digest(OPERATOR),
        digest(READER)
    )
}
