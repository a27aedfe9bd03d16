//! The page is one document that asks nobody for anything, and takes texts as texts.

use std::fs;
use std::path::Path;

/// The parts of the page, by name
fn assets() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions/status/page");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut assets: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind != "rs"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    assets.sort();
    assets
}

/// What stands in a part of the page that may not, in lower case
fn forbidden(name: &str, text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let kind = name.rsplit('.').next().unwrap();
    let mut found = Vec::new();
    let reaching: &[&str] = match kind {
        "css" => &["url(", "image-set(", "@import", "@font-face"],
        "js" => &["import(", "import ", "xmlhttprequest", "websocket", "sendbeacon"],
        _ => &["<link rel=\"stylesheet", "<base", "<iframe"],
    };
    for word in ["http:", "https:", "//cdn"].iter().chain(reaching) {
        found.extend(text.contains(word).then(|| format!("{name}: reaches out by `{word}`")));
    }
    for word in [
        "innerhtml",
        "outerhtml",
        "insertadjacenthtml",
        "sethtml",
        "document.write",
        "domparser",
        "createcontextualfragment",
        "srcdoc",
        "eval(",
        "new function",
        "javascript:",
        "localstorage",
        "sessionstorage",
        "document.cookie",
        "setattribute(\"style",
        "style:",
    ] {
        let is_there = kind == "js" && text.contains(word);
        found.extend(is_there.then(|| format!("{name}: `{word}`")));
    }
    if kind == "html" {
        let words = text.split(|c: char| c.is_whitespace() || c == '<' || c == '>');
        let handlers = words.filter(|word| {
            let attribute = word.split('=').next().unwrap_or_default();
            let is_handler = attribute.len() > 2 && attribute.starts_with("on");
            word.contains('=') && (is_handler || ["style", "src"].contains(&attribute))
        });
        found.extend(handlers.map(|word| format!("{name}: `{word}`")));
    }
    found
}

#[test]
fn nothing_comes_from_elsewhere_and_no_text_is_taken_for_markup() {
    let assets = assets();
    let names: Vec<_> = assets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["matrix.js", "model.js", "page.css", "page.html", "page.js"]);
    let found: Vec<_> = assets.iter().flat_map(|(name, text)| forbidden(name, text)).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_may_not_stand_there_would_be_found() {
    for (name, text) in [
        ("a.js", "here.innerHTML = text"),
        ("a.js", "fetch('https://example.com')"),
        ("a.js", "element('p', { style: 'color: red' })"),
        ("a.css", "body { background: url(x.png) }"),
        ("a.html", "<p onclick=go()>"),
        ("a.html", "<p style=\"color: red\">"),
        ("a.html", "<script src=\"x.js\">"),
    ] {
        assert_eq!(forbidden(name, text).len(), 1, "{name}: {text}");
    }
    assert!(forbidden("a.html", "<p class=\"on\" title=\"on = off\">one</p>").is_empty());
}
