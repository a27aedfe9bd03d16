//! The status function end to end: the real executable under the host stand-in, against the pretend
//! Azure. The page itself is tried in a browser elsewhere; here it is what is sent to it.

mod answers;
mod assets;
mod document;
mod large;
mod looks;

use reqwest::header::{ACCEPT, HeaderMap};
use serde_json::Value;
use tether::emulator::azure::RequestRecord;
use tether::emulator::world::{Door, World, WorldOptions};

use crate::corridor::options;

const JSON: &str = "application/json";

/// What a browser sends
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A world in which the status function shows something, and nothing else is done
fn shown(policy: &str) -> WorldOptions {
    let mut options = options();
    options.policy = policy.to_owned();
    // Events stay in the queue.
    options.door = Door::Queue;
    for (name, value) in
        [("TETHER_STATUS", "on"), ("AzureWebJobs.command-received.Disabled", "true")]
    {
        options.environment.insert(name.into(), value.into());
    }
    options
}

/// An answer
struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The data that stands in a page, as the browser finds it: up to whatever ends the element
    fn data(&self) -> Value {
        let start = "<script type=\"application/json\" id=\"data\">";
        let (_, rest) = self.body.split_once(start).expect("no data");
        let lower = rest.to_lowercase();
        let end = lower.find("</script").expect("no end");
        serde_json::from_str(rest.get(..end).unwrap()).unwrap()
    }
}

async fn get(url: &str, accept: &str) -> Got {
    let client = tether::azure::http_client().unwrap();
    let answer = client.get(url).header(ACCEPT, accept).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Got { status, headers, body: answer.text().await.unwrap() }
}

fn url(world: &World) -> String {
    world.host.function_url("status").unwrap()
}

async fn status(world: &World) -> Value {
    let got = get(&url(world), JSON).await;
    assert_eq!(got.status, 200, "{}", got.body);
    got.json()
}

/// The pairs as lines: cluster, registry, state
fn pairs(status: &Value) -> Vec<String> {
    let name = |list: &str, place: &Value| {
        let place = usize::try_from(place.as_u64().unwrap()).unwrap();
        status[list][place]["name"].as_str().unwrap().to_owned()
    };
    let pairs = status["pairs"].as_array().unwrap().iter();
    let line = |pair: &Value| {
        let (cluster, registry) =
            (name("clusters", &pair["cluster"]), name("registries", &pair["registry"]));
        format!("{cluster} {registry} {}", pair["state"].as_str().unwrap())
    };
    pairs.map(line).collect()
}

fn is_query(request: &RequestRecord) -> bool {
    request.path.to_lowercase().ends_with("/microsoft.resourcegraph/resources")
}

fn queries(world: &World) -> usize {
    world.azure.log().iter().filter(|request| is_query(request)).count()
}

/// The requests that would change something. Resource Graph is asked by POST.
fn writes(world: &World) -> usize {
    let log = world.azure.log().into_iter();
    log.filter(|request| request.method != "GET" && !is_query(request)).count()
}
