//! Bodies by size, framing and depth.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tether::runtime::{App, EventGridTrigger, Failure, MAX_BODY_BYTES, Outputs, ServiceBusTrigger};

use super::client::{Framing, Running, chunk, exchange, fixture, head, post, serve};

async fn measuring() -> Running {
    let app = App::new(())
        .function("message", async |message: ServiceBusTrigger| {
            Ok::<_, Failure>(Outputs::new().send("sizes", [message.body.len().to_string()]))
        })
        .function("event", async |_: EventGridTrigger| Ok::<_, Failure>(()));
    serve(app).await
}

async fn check_size(body: &[u8], framing: Framing) {
    let envelope = format!(r#"{{"Data":{{"message":"{}"}}}}"#, STANDARD.encode(body));
    let running = measuring().await;
    let answer = post(running.address, "message", envelope.as_bytes(), framing).await;
    assert_eq!(answer.json()["Outputs"]["sizes"][0], body.len().to_string(), "{answer:?}");
}

async fn check_refused(function: &str, body: &[u8], framing: Framing, kind: &str, message: &str) {
    let running = measuring().await;
    let answer = post(running.address, function, body, framing).await;
    assert!(answer.status >= 500, "{answer:?}");
    let failure = answer.failure();
    assert_eq!(failure.0, kind);
    assert!(failure.1.contains(message), "{failure:?}");
}

#[tokio::test]
async fn both_framings_carry_the_same_body() {
    check_size(b"hello", Framing::Chunked).await;
    check_size(b"hello", Framing::ContentLength).await;
    check_size(&vec![7; 300_000], Framing::Chunked).await;
    check_size(&vec![7; 300_000], Framing::ContentLength).await;
}

#[tokio::test]
async fn a_message_of_sixteen_mebibytes_fits() {
    check_size(&vec![7; 16 * 1024 * 1024], Framing::Chunked).await;
}

#[tokio::test]
async fn a_body_over_the_limit_fails_naming_the_limit() {
    let (body, limit) = (vec![b' '; MAX_BODY_BYTES + 1], MAX_BODY_BYTES.to_string());
    for framing in [Framing::Chunked, Framing::ContentLength] {
        check_refused("message", &body, framing, "BodyTooLarge", &limit).await;
    }
}

#[tokio::test]
async fn a_deeply_nested_event_fails_cleanly() {
    let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
    let raw = format!(r#"{{"Data":{{"event":{open}{close}}}}}"#);
    let quoted = format!(r#"{{"Data":{{"event":"{open}{close}"}}}}"#);
    let unfinished = format!(r#"{{"Data":{{"event":{open}"#);
    for (body, kind) in
        [(raw, "UnreadableInput"), (quoted, "UnreadableInput"), (unfinished, "NotAnEnvelope")]
    {
        check_refused("event", body.as_bytes(), Framing::Chunked, kind, "at line 1 column").await;
    }
}

#[tokio::test]
async fn what_is_no_envelope_fails() {
    for body in ["", "null", "[]", "{", "<html></html>", r#"{"Data":"x"}"#, "\u{feff}{}"] {
        let (framing, kind) = (Framing::ContentLength, "NotAnEnvelope");
        check_refused("event", body.as_bytes(), framing, kind, "not an invocation").await;
    }
    let framing = Framing::ContentLength;
    check_refused("event", b"{\"Data\":{\"\xff\":1}}", framing, "NotAnEnvelope", "").await;
}

#[tokio::test]
async fn frames_may_be_cut_anywhere() {
    let body = fixture("service-bus-string.json");
    let mut pieces = vec![head("POST", "message", "Transfer-Encoding: chunked\r\n")];
    pieces.extend(body.trim_end().as_bytes().chunks(7).map(chunk));
    pieces.push(b"0\r\n\r\n".to_vec());
    let running = measuring().await;
    assert_eq!(exchange(running.address, &pieces).await.status, 200);
}
