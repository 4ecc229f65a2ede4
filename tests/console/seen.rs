//! Pages in a real browser: a dialogue is followed, what is held is decided, time is moved, axe finds nothing, no policy is
//! broken; and what people see is kept as pictures, which the guide shows.

use std::path::PathBuf;

use chatledger_connectors::simulator::Alteration;
use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::engine::Engine;
use crate::guests::{self, ANNA, BORIS, HOSTILE_NAME, HOSTILE_TEXTS, OPERATOR, READER};
use crate::house::House;

/// Finds what keeps people from reading a page; see tests/console/assets.
const AXE: &str = include_str!("assets/axe-4.14.1.min.js");

/// A picture may weigh so much, in bytes: the guide has a dozen of them.
const HEAVIEST_PICTURE: usize = 200 * 1024;

const PAGES: [&str; 7] = ["overview", "dialogues", "held", "time", "log", "connections", "help"];

async fn sign_in(browser: &Browser, token: &str) {
    browser.go("/console/sign-in").await;
    browser.fill("#token", token).await;
    browser.click("form button.first").await;
    browser.until("location.pathname === '/console/overview'").await;
}

/// Opens a client's dialogue by searching for them.
async fn open(browser: &Browser, asked: &str) {
    browser.go(&format!("/console/dialogues?q={}", percent(asked))).await;
    browser.click("a.person").await;
    browser.until("document.querySelector('#bubbles .bubble')").await;
}

fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Keeps a picture for the guide, if asked to: they differ with every run in times and ids.
async fn keep(browser: &Browser, name: &str) {
    let picture = browser.picture().await;
    assert!(picture.len() < HEAVIEST_PICTURE, "{name}: {} bytes", picture.len());
    if std::env::var_os("CHATLEDGER_PICTURES").is_some() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
        std::fs::create_dir_all(&folder).expect("docs can be written to");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("docs can be written to");
    }
}

async fn no_complaints(browser: &Browser, doing: &str) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{doing}: {complaints:#?}");
}

/// A furnished house, its engine, and a browser before it; `None` without a browser.
async fn furnished() -> Option<(House, Engine, Browser)> {
    let (house, engine) = guests::house().await;
    let browser = Browser::open(guests::base(&house)).await?;
    guests::move_in(&house, &engine).await;
    Some((house, engine, browser))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_follow_dialogues_decide_what_is_held_and_move_through_time() {
    let Some((house, engine, browser)) = furnished().await else { return };
    browser.go("/console/held").await;
    browser.until("location.pathname === '/console/sign-in'").await;
    browser.fill("#token", "clt_of_nobody").await;
    browser.click("form button.first").await;
    browser.until("document.querySelector('[role=alert]')").await;
    // The engine answers with 403, and the browser says so.
    browser.complaints().await;
    sign_in(&browser, OPERATOR).await;
    browser.go("/console/prefer?lang=ru&back=/console/overview").await;
    browser.until_shows("Что застряло").await;

    a_dialogue_is_followed(&house, &engine, &browser).await;
    what_is_held_is_decided(&house, &engine, &browser).await;
    time_is_moved(&browser).await;
    the_log_is_followed(&house, &browser).await;
    keys_lead_everywhere(&browser).await;
    no_complaints(&browser, "a day's work").await;

    browser.click(".foot button").await;
    browser.until("location.pathname === '/console/sign-in'").await;
    browser.go("/console/overview").await;
    browser.until("location.pathname === '/console/sign-in'").await;
    browser.close().await;
    engine.end().await;
}

/// A webhook arrives: its bubble appears without a reload; so do its ticks, an edit and a reaction.
async fn a_dialogue_is_followed(house: &House, engine: &Engine, browser: &Browser) {
    open(browser, "+7 (916) 123-45-67").await;
    browser.until_shows("Синее кресло").await;
    browser.run("window.wasHere = true").await;
    guests::client_writes(house, ANNA, "Анна Каренина", "Спасибо! Жду в четверг.");
    browser.until_shows("Спасибо! Жду в четверг.").await;
    guests::manager_writes(house, ANNA, "Анна Каренина", "Договорились!");
    browser.until_shows("Договорились!").await;
    let bubble = "[...document.querySelectorAll('.bubble')].find((it) => it.innerText.includes('Договорились!'))";
    browser.until(&format!("{bubble}?.querySelector('.ticks.delivered, .ticks.read')")).await;
    guests::alters(house, Alteration::Edits { text: "Спасибо! Жду в пятницу.".to_owned() });
    browser.until_shows("Спасибо! Жду в пятницу.").await;
    let former = "[...document.querySelectorAll('.former li')].some((it) => it.textContent.includes('Жду в четверг.'))";
    browser.until(former).await;
    guests::alters(house, Alteration::Reacts { emoji: Some("🔥".to_owned()) });
    browser.until("[...document.querySelectorAll('.reactions')].some((it) => it.textContent.includes('🔥'))").await;
    assert_eq!(browser.run("return window.wasHere").await, Value::Bool(true), "the page was loaded anew");
    // In the order in which it was said, each once.
    let said = browser.run("return [...document.querySelectorAll('.bubble')].map((it) => it.id)").await;
    let said: Vec<&str> = said.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut once = said.clone();
    once.dedup();
    assert_eq!(said, once);
    // Every message opens its explanation, beside the dialogue.
    browser.run(&format!("{bubble}.querySelector('.why').click()")).await;
    browser.until("document.querySelector('#sheet .tree')").await;
    browser.until_shows("слова менеджера — клиенту").await;
    house.settled(engine).await;
    keep(browser, "explanation").await;
    browser.press("\u{e00c}").await;
    browser.until("!document.querySelector('#sheet')").await;
    browser.run(&format!("location.href = {bubble}.querySelector('.why').href")).await;
    browser.until("location.pathname === '/console/message' && document.querySelector('.tree details')").await;
    browser.run("document.querySelectorAll('.tree details').forEach((it) => { it.open = true; })").await;
    browser.until_shows("Договорились!").await;
    keep(browser, "explanation-whole").await;
    no_complaints(browser, "following a dialogue").await;
}

async fn what_is_held_is_decided(house: &House, engine: &Engine, browser: &Browser) {
    let texts = [
        (BORIS, "Борис Годунов", "Ваш заказ готов, ждём вас!"),
        ("79031112233", "Пётр Ильич", "Счёт на оплату отправила на почту."),
        ("79990007788", "🦊 Лиса", "Скидка 10 % до конца недели."),
    ];
    guests::refused(house, engine, &texts).await;
    browser.go("/console/overview").await;
    browser.until("document.querySelector('.count')?.textContent === '3'").await;
    keep(browser, "overview").await;
    browser.go("/console/held").await;
    browser.until("document.querySelectorAll('.held .item').length === 3").await;
    keep(browser, "held").await;
    // Nothing goes without a reason: the browser says so, and so would the engine.
    browser.click(".held .item input[type=checkbox]").await;
    browser.until("document.querySelector('[data-counted]').textContent === '1'").await;
    browser.click(".decide button").await;
    browser.until("location.search === '' && document.querySelectorAll('.held .item').length === 3").await;
    browser.fill("#why", "номер поправили").await;
    browser.click(".decide button").await;
    browser.until("location.search.includes('done=1') && document.querySelectorAll('.held .item').length === 2").await;
    browser.until_shows("Записано: 1").await;
    house.until_shown(&house.messenger.name, texts[0].2).await;
    // The others are left, both at once.
    browser.click("[data-all]").await;
    browser.fill("#wish", "skip").await;
    browser.fill("#why", "уже неважно").await;
    browser.click(".decide button").await;
    browser.until_shows("Ничего не задержано").await;
    house.settled(engine).await;
    // Who, when and why stands in the dialogue, and in the log.
    open(browser, "Пётр").await;
    browser.until_shows("olga оставил как есть").await;
    browser.until_shows("уже неважно").await;
    no_complaints(browser, "deciding").await;
}

/// The slider leads back to before anything was held, and on to now.
async fn time_is_moved(browser: &Browser) {
    open(browser, "Анна").await;
    browser.until_shows("Жду в пятницу").await;
    let first = browser.run("return document.querySelector('.bubble .at').title.replace(/\\D/g, '')").await;
    let first: u64 = first.as_str().and_then(|first| first.parse().ok()).expect("a position");
    browser.fill("#at", &(first + 3).to_string()).await;
    browser.until(&format!("location.search.includes('at={}')", first + 3)).await;
    browser.until("document.querySelectorAll('.bubble').length === 1").await;
    browser.until("document.querySelector('#moment-is a')").await;
    let counted = browser.run("return document.querySelector('.count')").await;
    assert_eq!(counted, Value::Null, "nothing was held then");
    // Every way from here leads to the same moment.
    browser.click(".pages a[data-key='o']").await;
    browser
        .until(&format!("location.pathname === '/console/overview' && location.search === '?at={}'", first + 3))
        .await;
    browser.click("[data-step=on]").await;
    browser.until(&format!("location.search === '?at={}'", first + 4)).await;
    browser.go(&format!("/console/time?at={}", first + 30)).await;
    browser.until("document.querySelector('#events-then, .log tbody tr')").await;
    keep(browser, "time").await;
    browser.go(&format!("/console/held?at={}", first + 3)).await;
    assert_eq!(browser.run("return document.querySelector('.decide')").await, Value::Null, "the past is decided upon");
    browser.click("#moment-is a").await;
    browser.until("location.search === ''").await;
    no_complaints(browser, "moving through time").await;
}

async fn the_log_is_followed(house: &House, browser: &Browser) {
    browser.go("/console/log?kind=WebhookReceived&connection=messenger").await;
    browser.until("document.querySelectorAll('#events tr').length > 5").await;
    let before = browser.run("return Number(document.querySelector('#events a').textContent)").await;
    guests::client_writes(house, ANNA, "Анна Каренина", "И ещё вопрос.");
    browser.until(&format!("Number(document.querySelector('#events a').textContent) > {before}")).await;
    browser.click("#events a").await;
    browser.until_shows("И ещё вопрос.").await;
    no_complaints(browser, "following the log").await;
}

async fn keys_lead_everywhere(browser: &Browser) {
    browser.go("/console/overview").await;
    browser.press("gd").await;
    browser.until("location.pathname === '/console/dialogues'").await;
    browser.press("jj").await;
    browser.until("document.querySelectorAll('[data-item]')[1].classList.contains('chosen')").await;
    browser.press("k").await;
    browser.press("\u{e007}").await;
    browser.until("location.pathname.startsWith('/console/dialogues/')").await;
    browser.press("/").await;
    browser.until("document.activeElement.type === 'search'").await;
    browser.press("\u{e00c}?").await;
    browser.until("document.querySelector('#keys').open").await;
    browser.press("\u{e00c}").await;
    browser.until("!document.querySelector('#keys').open").await;
    // The first key of all leads past the ways to the content.
    browser.go("/console/overview").await;
    browser.press("\u{e004}").await;
    browser.until("document.activeElement.classList.contains('skip')").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_by_everybody_and_runs_nothing_that_people_wrote() {
    let Some((house, engine, browser)) = furnished().await else { return };
    guests::refused(&house, &engine, &[(BORIS, "Борис Годунов", "Ваш заказ готов, ждём вас!")]).await;
    sign_in(&browser, READER).await;
    let mut found = Vec::new();
    for (language, window) in
        [("ru", Window::DESK), ("en", Window::DESK.dark()), ("ru", Window::PHONE.dark()), ("en", Window::PHONE)]
    {
        browser.look_through(window).await;
        browser.go(&format!("/console/prefer?lang={language}&back=/console/overview")).await;
        // At a desk every page; on a phone those that have a look of their own there.
        let pages = if window.width < 600 { &PAGES[..3] } else { &PAGES[..] };
        for page in pages {
            browser.go(&format!("/console/{page}")).await;
            found.extend(inspected(&browser, &format!("{page}, {language}, {window:?}")).await);
        }
        open(&browser, "Анна").await;
        browser.run("document.querySelector('.picture').scrollIntoView()").await;
        browser.until("document.querySelector('.picture img').naturalWidth === 480").await;
        found.extend(inspected(&browser, &format!("dialogue, {language}, {window:?}")).await);
        let is_phone = window.width < 600;
        let name = match (is_phone, window.light) {
            (false, "light") => "dialogue",
            (false, _) => "dialogue-dark",
            (true, "light") => "phone",
            (true, _) => "phone-dark",
        };
        keep(&browser, name).await;
        open(&browser, "взломано").await;
        found.extend(inspected(&browser, &format!("hostile dialogue, {language}, {window:?}")).await);
        let shown = browser.run("return document.body.innerText").await;
        let shown = shown.as_str().unwrap_or_default();
        for text in [HOSTILE_NAME, HOSTILE_TEXTS[0], HOSTILE_TEXTS[3]] {
            assert!(shown.contains(text), "{text:?} is not shown as it is");
        }
        let title = browser.run("return document.title").await;
        assert!(title.as_str().is_some_and(|title| title.ends_with("· Chatledger")), "{title}");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // A reader is shown everything and decides nothing.
    browser.look_through(Window::DESK).await;
    browser.go("/console/held").await;
    browser.until("document.querySelector('.held .item')").await;
    assert_eq!(browser.run("return document.querySelector('.decide, .held input')").await, Value::Null);
    no_complaints(&browser, "reading every page").await;
    keep_the_rest(&browser).await;
    browser.close().await;
    engine.end().await;
}

async fn keep_the_rest(browser: &Browser) {
    browser.go("/console/connections").await;
    keep(browser, "connections").await;
    browser.go("/console/log").await;
    keep(browser, "log").await;
    browser.look_through(Window::DESK.dark()).await;
    browser.go("/console/overview").await;
    keep(browser, "overview-dark").await;
}

/// What axe finds on the page, what runs out of it sideways, and what the browser complains about.
async fn inspected(browser: &Browser, page: &str) -> Vec<String> {
    browser.run(AXE).await;
    let script = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations'], runOnly: \
        ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then((found) => \
        done(found.violations.map((it) => it.id + ': ' + it.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) \
        + ' ' + node.any.map((any) => any.message).join(' ')).join(' | '))), (error) => done([String(error)]))";
    let violations = browser.run_to_its_end(script).await;
    let violations = violations.as_array().cloned().unwrap_or_default();
    let mut found: Vec<String> = violations.iter().map(|it| format!("{page}: {it}")).collect();
    let is_too_wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1";
    if browser.run(is_too_wide).await == Value::Bool(true) {
        found.push(format!("{page}: it is wider than the window"));
    }
    found.extend(browser.complaints().await.into_iter().map(|it| format!("{page}: {it}")));
    found
}
