//! Chromium without a window, driven over `WebDriver`: JSON over HTTP, on loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// Where Debian's packages `chromium` and `chromium-driver` put them
const CHROMIUM: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// Ends the driver and Chromium, which are in its group, when nobody holds its standard input any more:
/// also when the test is killed.
const WATCHED: &str = "/usr/bin/chromedriver --port=0 & read -r _; kill -KILL 0";

/// The longest that the browser may take for anything
const LIMIT: Duration = Duration::from_secs(60);

/// Nothing but the page, and nothing that asks anybody
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
    "--window-size=1280,800",
];

/// How `WebDriver` names what it has found
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Browsers take all of a small machine, and some tests measure time.
static TURN: Mutex<()> = Mutex::const_new(());

/// Keys as `WebDriver` writes them
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const CONTROL: &str = "\u{e009}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const END: &str = "\u{e010}";
    pub(crate) const HOME: &str = "\u{e011}";
    pub(crate) const LEFT: &str = "\u{e012}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const DOWN: &str = "\u{e015}";
    pub(crate) const PAGE_DOWN: &str = "\u{e00f}";
}

/// A browser with one page. It ends when it is dropped, also by a test that fails.
pub(crate) struct Browser {
    client: reqwest::Client,
    port: u16,
    session: String,
    profile: PathBuf,
    driver: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let turn = TURN.lock().await;
        for program in [CHROMIUM, DRIVER] {
            let is_there = PathBuf::from(program).exists();
            assert!(is_there, "no {program}: apt-get install chromium chromium-driver");
        }
        let (driver, port) = timeout(LIMIT, driver()).await.expect("chromedriver starts");
        let profile =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{}", Uuid::new_v4()));
        let client = tether::azure::http_client().unwrap();
        let mut browser =
            Self { client, port, session: String::new(), profile, driver, _turn: turn };
        let mut flags: Vec<_> = FLAGS.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={}", browser.profile.display()));
        // Not the page for new tabs, which would ask its maker for news.
        let start =
            json!({ "session": { "restore_on_startup": 4, "startup_urls": ["about:blank"] } });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": CHROMIUM, "args": flags, "prefs": start },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let made = browser.post("", wanted).await;
        made["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser.device(1280, 800).await;
        browser
    }

    pub(crate) async fn open(&self, url: &str) {
        // What differs in the fragment alone would not be loaded anew.
        self.post("/url", json!({ "url": "about:blank" })).await;
        self.post("/url", json!({ "url": url })).await;
    }

    /// What a function body returns in the page
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What a function body gives to its argument `done`
    pub(crate) async fn run_until_done(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Waits until an expression is true in the page.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let end = Instant::now() + LIMIT;
            while self.run(&format!("return Boolean({expression})")).await != true {
                assert!(Instant::now() < end, "{caller}: never true: {expression}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// What a person reads there
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        self.get(&format!("/element/{element}/text")).await.as_str().unwrap().to_owned()
    }

    /// Role and name, as whoever has the page read aloud hears them
    pub(crate) async fn heard(&self, selector: &str) -> (String, String) {
        let element = self.find(selector).await;
        let role = self.get(&format!("/element/{element}/computedrole")).await;
        let label = self.get(&format!("/element/{element}/computedlabel")).await;
        (role.as_str().unwrap().to_owned(), label.as_str().unwrap().to_owned())
    }

    /// Presses keys, one after the other.
    pub(crate) async fn press(&self, keys: &[&str]) {
        let strokes: Vec<_> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.act(&strokes).await;
    }

    /// Presses a key while another is held down.
    pub(crate) async fn press_with(&self, held: &str, key: &str) {
        let stroke = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let strokes = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)];
        self.act(&strokes.map(|(kind, value)| stroke(kind, value))).await;
    }

    async fn act(&self, strokes: &[Value]) {
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("/actions", json!({ "actions": [keyboard] })).await;
    }

    /// The lines of the console since it was last asked for
    pub(crate) async fn console(&self) -> Vec<String> {
        let lines = self.post("/se/log", json!({ "type": "browser" })).await;
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    /// The requests since this was last asked for, as they left: address and headers
    pub(crate) async fn requests(&self) -> Vec<(String, Value)> {
        let lines = self.post("/se/log", json!({ "type": "performance" })).await;
        let events = lines.as_array().unwrap().iter().map(|line| {
            let event: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
            event["message"].clone()
        });
        let sent = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            let request = &event["params"]["request"];
            (request["url"].as_str().unwrap().to_owned(), request["headers"].clone())
        })
        .collect()
    }

    /// Whether a page has opened a box that waits for somebody
    pub(crate) async fn has_alert(&self) -> bool {
        self.ask("GET", "/alert/text", None).await.is_ok()
    }

    /// The window, in pixels of the page
    pub(crate) async fn device(&self, width: u32, height: u32) {
        let device =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.developer("Emulation.setDeviceMetricsOverride", device).await;
    }

    /// Whether the machine is set to `light` or `dark`
    pub(crate) async fn scheme(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.developer("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// A picture of the window, as PNG
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let picture = self.get("/screenshot").await;
        BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }

    async fn developer(&self, command: &str, parameters: Value) {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    async fn find(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", wanted).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let told = body.to_string();
        let answer = self.ask("POST", path, Some(body)).await;
        answer.unwrap_or_else(|error| panic!("{path} {told}: {error}"))
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let session = if self.session.is_empty() { "" } else { "/" };
        let url = format!("http://127.0.0.1:{}/session{session}{}{path}", self.port, self.session);
        let mut request = self.client.request(method.parse().unwrap(), url).timeout(LIMIT);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let is_well = answer.status().is_success();
        let mut told: Value = answer.json().await.unwrap();
        let value = told["value"].take();
        if is_well { Ok(value) } else { Err(value) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Only when the session has ended is nothing written into the profile any more. Nothing can be
        // done about a failure here.
        let _ = self.end();
        drop(self.driver.stdin.take());
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

impl Browser {
    fn end(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let line = format!("DELETE /session/{} HTTP/1.1", self.session);
        write!(stream, "{line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        // It answers when Chromium has ended.
        stream.read(&mut [0; 1]).map(|_| ())
    }
}

/// A driver, and the port that it listens on
async fn driver() -> (Child, u16) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WATCHED]).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = command.spawn().unwrap();
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return (driver, port.trim_end_matches('.').parse().unwrap());
        }
    }
    panic!("chromedriver ended");
}
