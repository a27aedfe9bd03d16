//! The HTTP side: reads requests, lets faults strike, asks the world, keeps the log.
//!
//! It does not know what any request means.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tokio::sync::Notify;
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::faults::{Fault, Faults};
use super::log::RequestRecord;
use super::paths::{self, Target};
use super::request::Asked;
use super::rights::{Caller, NOBODY};
use super::routes::{self, Call};
use super::world::World;
use crate::emulator::Clock;

/// What requests, the passing of time and the tests share
pub(super) struct Shared {
    world: Mutex<World>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) identity_header: String,
    changed: Notify,
}

impl Shared {
    pub(super) fn new(world: World, clock: Clock, identity_header: String) -> Self {
        let (faults, changed) = (Faults::default(), Notify::new());
        Self { world: Mutex::new(world), clock, faults, identity_header, changed }
    }

    /// The world, brought up to now
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle();
        world
    }

    /// Tells the keeper of time that something else may be due
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    fn answer(&self, asked: &Asked, fault: Option<&Fault>) -> Answer {
        let mut world = self.world();
        let target = paths::parse(&asked.path);
        let caller = world.authenticate(asked);
        let name = caller.as_ref().map_or(NOBODY, |caller| caller.name);
        let correlation = asked.correlation().unwrap_or_else(|| fresh(&mut world, "correlation"));
        let struck = fault.and_then(Fault::answer).cloned();
        let mut answer = match struck {
            Some(struck) if fault.is_some_and(Fault::prevents) => struck,
            struck => {
                let done = self.carry_out(&mut world, (asked, &target), caller, correlation);
                struck.unwrap_or_else(|| done.unwrap_or_else(|refusal| refusal))
            }
        };
        let secret = matches!(target, Target::EntraToken { .. } | Target::ManagedIdentityToken);
        let at = world.now;
        world.log.push(RequestRecord {
            at,
            method: asked.method.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            status: answer.status,
            caller: name,
            traceparent: asked.header("traceparent").map(str::to_owned),
            body: if secret { None } else { asked.seen_json() },
        });
        answer = answer
            .with("x-ms-request-id", fresh(&mut world, "request").to_string())
            .with("x-ms-correlation-request-id", correlation.to_string());
        answer
    }

    fn carry_out(
        &self,
        world: &mut World,
        (asked, target): (&Asked, &Target),
        caller: Result<Caller, Answer>,
        correlation: Uuid,
    ) -> Answered {
        if *target == Target::ManagedIdentityToken {
            return world.managed_identity_token(asked, &self.identity_header);
        }
        if let Target::EntraToken { tenant } = target {
            return world.entra_token(asked, tenant);
        }
        let caller = caller?;
        versioned(asked)?;
        let limits = (&world.options.rate_limits, world.options.throttled);
        let ration = world.used.take(world.now, (asked, target, &caller), limits);
        let call = Call { caller: &caller, asked, correlation };
        let answered = match ration.refusal {
            Some(refusal) => Err(refusal),
            None => routes::answer(world, &call, target),
        };
        let told = |mut answer: Answer| {
            answer.headers.extend(ration.headers.clone());
            answer
        };
        answered.map(told).map_err(told)
    }
}

/// The routes
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(shared)
}

/// Lets what is due happen when the time comes, even if nobody asks
pub(super) async fn keep_time(shared: Arc<Shared>) {
    loop {
        let due = shared.world().next_due();
        let passing = async {
            match due {
                Some(due) => shared.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passing => {}
            () = shared.changed.notified() => {}
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match Asked::read(request).await {
        Ok(asked) => answer(&shared, asked).await.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Answers a request, after the fault that strikes it
pub(super) async fn answer(shared: &Shared, asked: Asked) -> Answer {
    let fault = shared.faults.strike(&asked);
    if let Some(fault) = &fault {
        shared.clock.sleep_until(shared.clock.now() + fault.waits()).await;
    }
    let answer = shared.answer(&asked, fault.as_ref());
    shared.changed();
    answer
}

fn fresh(world: &mut World, what: &str) -> Uuid {
    let serial = world.next_serial();
    world.made_up(&format!("{what} {serial}"))
}

/// Refuses requests without an api-version
fn versioned(asked: &Asked) -> Result<(), Answer> {
    let version = asked.api_version();
    if version.is_empty() {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Answer::refused(400, "MissingApiVersionParameter", message));
    }
    let date = version.get(..10).unwrap_or_default();
    let dashes = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let ending = version.get(10..).unwrap_or_default();
    if date.len() == 10 && dashes && (ending.is_empty() || ending.starts_with('-')) {
        return Ok(());
    }
    let message = format!("The api-version '{version}' is invalid.");
    Err(Answer::refused(400, "InvalidApiVersionParameter", message))
}
