//! The host's envelope: whatever is posted is answered, in the form that the host understands.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tether::runtime::{
    App, Context, EventGridTrigger, Failure, Invocation, ServiceBusTrigger, TimerTrigger,
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

/// The longest answer to a failure: it must not give the envelope back
const LONGEST_FAILURE: usize = 16 * 1024;

/// The body of an invocation
pub fn envelope(data: &[u8]) {
    for function in ["message", "event", "tick", "raw"] {
        let answered = post(&TRIGGERS, function, data.to_vec());
        if answered.status != 200 {
            assert!(answered.text.len() <= LONGEST_FAILURE, "{} bytes", answered.text.len());
        }
    }
}

/// The longest text that debugging makes of an invocation of at most 32 KiB
const LONGEST_SHOWN: usize = 256 * 1024;

/// Who stands in the claims of seeds
const CANARY: &str = "a person";

/// An answer to the host
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// Posts a body to a function, as the host does, and checks what every answer is.
pub(crate) fn post(functions: &Router, name: &str, body: impl Into<Body>) -> Answered {
    let request = Request::post(format!("/{name}")).body(body.into()).unwrap();
    let answer = async {
        let response = functions.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap())
    };
    let (status, bytes) = RUNTIME.block_on(answer);
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(json.is_object(), "an answer that the host would hang on: {text}");
    assert!(status == 200 || status >= 500, "{status}: the host knows success and failure only");
    assert!(!text.contains("Panicked"), "{text}");
    Answered { status, text, json }
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

/// A function for every trigger, which looks at all there is
static TRIGGERS: LazyLock<Router> = LazyLock::new(|| {
    App::new(())
        .function("message", async |message: ServiceBusTrigger, context: Context| {
            assert_eq!(message.delivery_count, context.delivery_count);
            check_shown(&format!("{message:?}"));
            Ok::<_, Failure>(())
        })
        .function("event", async |events: EventGridTrigger| {
            // Nothing that is made for debugging gives a body away.
            let shown = format!("{events:?}");
            assert!(!shown.contains(CANARY), "{shown}");
            check_shown(&shown);
            Ok::<_, Failure>(())
        })
        .function("tick", async |tick: TimerTrigger| {
            check_shown(&format!("{tick:?}"));
            Ok::<_, Failure>(())
        })
        .function("raw", async |invocation: Invocation| {
            let trigger = invocation.trigger()?;
            let again = invocation.message_property("MessageId");
            check_shown(&format!("{trigger:?} {again:?} {invocation:?}"));
            Ok::<_, Failure>(())
        })
        .into_router()
});

/// Showing it for debugging is bounded, whatever it holds.
fn check_shown(shown: &str) {
    assert!(shown.len() <= LONGEST_SHOWN, "{} bytes", shown.len());
}
