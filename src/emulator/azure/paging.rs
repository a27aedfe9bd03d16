//! Lists in pages, with links to the next one.
//!
//! The token is the place in the list; a list that changes in between may repeat or skip items,
//! as it may in Azure.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::answer::Answer;
use super::request::Asked;
use super::world::World;

const TOKEN: &str = "$skiptoken";

/// The page that was asked for
pub(super) fn page(world: &World, asked: &Asked, items: Vec<Value>) -> Answer {
    let start = asked.parameter(TOKEN).and_then(|token| place(&token)).unwrap_or_default();
    let end = start.saturating_add(world.options.page_size.max(1));
    let more = items.len() > end;
    let shown: Vec<Value> = items.into_iter().take(end).skip(start).collect();
    let next = more.then(|| next_link(world, asked, end)).flatten();
    Answer::json(
        200,
        match next {
            Some(next) => json!({"value": shown, "nextLink": next}),
            None => json!({"value": shown}),
        },
    )
}

fn next_link(world: &World, asked: &Asked, place: usize) -> Option<String> {
    let mut url = Url::parse(&world.endpoint).ok()?;
    url.set_path(&asked.path);
    let kept = form_urlencoded::parse(asked.query.as_bytes())
        .filter(|(name, _)| !name.eq_ignore_ascii_case(TOKEN));
    url.query_pairs_mut()
        .extend_pairs(kept)
        .append_pair(TOKEN, &BASE64_URL_SAFE_NO_PAD.encode(place.to_string()));
    Some(url.into())
}

fn place(token: &str) -> Option<usize> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.parse().ok()
}
