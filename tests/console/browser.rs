//! Headless Chromium by its driver: the few commands of WebDriver that the tests need, spoken over HTTP.
//!
//! A command that fails is a test that fails. A browser that cannot be had is told on the error output, and is `None`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use crate::house::free_address;

/// However busy the machine is.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(40);

/// How long fetching the browser may take; it is done once on a machine.
const INSTALLED_WITHIN: Duration = Duration::from_secs(240);

/// Everything that a browser would do by itself is forbidden: it speaks to the engine and to nobody else.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--no-proxy-server",
];

/// A browser with one window.
pub struct Browser {
    client: reqwest::Client,
    session: String,
    base: String,
    _profile: TempDir,
    _driver: Child,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    /// `light` or `dark`, as the system prefers it.
    pub light: &'static str,
}

impl Window {
    pub const DESK: Self = Self { width: 1280, height: 800, light: "light" };
    pub const PHONE: Self = Self { width: 390, height: 844, light: "light" };

    pub const fn dark(self) -> Self {
        Self { light: "dark", ..self }
    }
}

impl Browser {
    /// A browser that looks at pages of this address; `None` if there is none to be had on this machine.
    pub async fn open(base: String) -> Option<Self> {
        if !is_there().await {
            eprintln!("skipped: there is no Chromium here, and tests/console/install could not fetch it");
            return None;
        }
        let address = free_address().await;
        let driver = Command::new("chromedriver")
            .arg(format!("--port={}", address.port()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is there");
        let profile = TempDir::new().expect("there is room for a profile");
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let client = reqwest::Client::builder().no_proxy().timeout(SEEN_WITHIN * 2).build().expect("a client");
        let driver_base = format!("http://{address}");
        let deadline = Instant::now() + SEEN_WITHIN;
        let session = loop {
            match ask(&client, "POST", &format!("{driver_base}/session"), Some(&wanted)).await {
                Ok(begun) => break begun["sessionId"].as_str().expect("a session has an id").to_owned(),
                Err(error) => assert!(Instant::now() < deadline, "the browser does not start: {error}"),
            }
            sleep(LOOK_EVERY).await;
        };
        let session = format!("{driver_base}/session/{session}");
        let browser = Self { client, session, base, _profile: profile, _driver: driver };
        browser.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": "Europe/Moscow"})).await;
        browser.look_through(Window::DESK).await;
        Some(browser)
    }

    /// Looks through another window from here on.
    pub async fn look_through(&self, window: Window) {
        let Window { width, height, light } = window;
        let is_phone = width < 600;
        let scale = if is_phone { 1.5 } else { 1.0 };
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": light},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Opens a page of the console's and waits until it is loaded.
    pub async fn go(&self, path: &str) {
        self.command("POST", "/url", Some(&json!({"url": format!("{}{path}", self.base)}))).await;
    }

    /// What a script on the page gives back.
    pub async fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", Some(&json!({"script": script, "args": []}))).await
    }

    /// What a script on the page gives back later, by calling `arguments[0]`.
    pub async fn run_to_its_end(&self, script: &str) -> Value {
        self.command("POST", "/execute/async", Some(&json!({"script": script, "args": []}))).await
    }

    /// Waits until an expression holds on the page.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + SEEN_WITHIN;
        let script = format!("return Boolean({expression})");
        // While a page is left for another, there is nobody to ask.
        while self.try_run(&script).await != Some(Value::Bool(true)) {
            if Instant::now() >= deadline {
                let page = self.run("return location.href + '\\n' + document.body.innerText").await;
                panic!("in vain awaited on the page: {expression}\n{}", page.as_str().unwrap_or_default());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn until_shows(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Presses keys, one after another.
    pub async fn press(&self, keys: &str) {
        let pressed: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})])
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": pressed}]});
        self.command("POST", "/actions", Some(&actions)).await;
    }

    /// Clicks what a selector finds, as a person would: it has to be seen.
    pub async fn click(&self, selector: &str) {
        let found = json!({"using": "css selector", "value": selector});
        let element = self.command("POST", "/element", Some(&found)).await;
        let id = element.as_object().and_then(|element| element.values().next()).and_then(Value::as_str);
        let id = id.expect("an element has an id").to_owned();
        self.command("POST", &format!("/element/{id}/click"), Some(&json!({}))).await;
    }

    /// Writes into a field.
    pub async fn fill(&self, selector: &str, text: &str) {
        let script = format!(
            "const field = document.querySelector({}); field.value = {}; \
             field.dispatchEvent(new Event('input', {{bubbles: true}})); \
             field.dispatchEvent(new Event('change', {{bubbles: true}}));",
            json!(selector),
            json!(text)
        );
        self.run(&script).await;
    }

    /// A picture of what is seen.
    pub async fn picture(&self) -> Vec<u8> {
        // Fonts, and what is drawn after the last change.
        self.run_to_its_end(
            "const done = arguments[0]; document.fonts.ready.then(() => requestAnimationFrame(() => \
             requestAnimationFrame(() => done(true))));",
        )
        .await;
        let taken = self.devtools("Page.captureScreenshot", json!({"format": "png"})).await;
        let text = taken["data"].as_str().expect("a picture is a text");
        base64::engine::general_purpose::STANDARD.decode(text).expect("in Base64")
    }

    /// What the browser complained about since it was asked last: scripts that broke, and what its policy refused.
    pub async fn complaints(&self) -> Vec<String> {
        let said = self.command("POST", "/se/log", Some(&json!({"type": "browser"}))).await;
        let said = said.as_array().cloned().unwrap_or_default();
        let is_complaint = |said: &Value| {
            let level = said["level"].as_str().unwrap_or_default();
            let text = said["message"].as_str().unwrap_or_default();
            matches!(level, "SEVERE" | "WARNING") || text.contains("Content Security Policy")
        };
        said.iter().filter(|said| is_complaint(said)).map(|said| said["message"].to_string()).collect()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.command("POST", "/goog/cdp/execute", Some(&body)).await
    }

    async fn try_run(&self, script: &str) -> Option<Value> {
        let body = json!({"script": script, "args": []});
        ask(&self.client, "POST", &format!("{}/execute/sync", self.session), Some(&body)).await.ok()
    }

    async fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = ask(&self.client, method, &format!("{}{path}", self.session), body).await;
        answer.unwrap_or_else(|error| panic!("the browser refused {path}: {error}"))
    }

    /// Ends it; the driver ends with its owner.
    pub async fn close(self) {
        // A browser that is gone already is closed, too.
        let _ = ask(&self.client, "DELETE", &self.session, None).await;
    }
}

async fn ask(client: &reqwest::Client, method: &str, url: &str, body: Option<&Value>) -> Result<Value, String> {
    let method = method.parse().expect("a method");
    let mut request = client.request(method, url).header("content-type", "application/json");
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let is_good = answer.status().is_success();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    let mut document: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    let value = document["value"].take();
    if is_good { Ok(value) } else { Err(value.to_string()) }
}

/// Whether a browser is there, after it was fetched if it was not. Asked once in a run of the tests.
async fn is_there() -> bool {
    static THERE: OnceCell<bool> = OnceCell::const_new();
    *THERE
        .get_or_init(async || {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console/install");
            let running = Command::new(script).stdin(Stdio::null()).kill_on_drop(true).status();
            matches!(timeout(INSTALLED_WITHIN, running).await, Ok(Ok(status)) if status.success())
        })
        .await
}
