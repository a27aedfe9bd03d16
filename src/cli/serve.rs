//! `tether serve`: answers the Functions host until it is stopped.

use std::sync::Arc;

use super::Exit;
use crate::azure::{Arm, Graph, Queue, credential, http_client};
use crate::config::{self, Settings};
use crate::functions::status::StatusPage;
use crate::functions::{Worker, app};
use crate::reconcile::Reconciler;
use crate::runtime::telemetry::Telemetry;
use crate::runtime::{App, Server, logs, shutdown_signal};

pub(super) async fn serve() -> anyhow::Result<Exit> {
    let settings = config::from_environment()?;
    let client = http_client()?;
    let telemetry = settings.telemetry.as_ref();
    let telemetry = telemetry.map(|otlp| Telemetry::begin(otlp, client.clone())).transpose()?;
    logs::init(&settings.log, telemetry.as_ref())?;
    let shutdown = shutdown_signal();
    let server = Server::bind(settings.port).await?;
    let ended = server.run(async { start(settings, client) }, shutdown).await;
    if let Some(telemetry) = telemetry {
        telemetry.end().await;
    }
    ended?;
    Ok(Exit::Stopped)
}

fn start(settings: Settings, client: reqwest::Client) -> anyhow::Result<App<Arc<Worker>>> {
    let Settings { auth, endpoints, estate, reply_queues, policy, .. } = settings;
    let Settings { graph_age, longest_closed, status, .. } = settings;
    let credential = credential(&auth)?;
    let arm =
        Arm::new(&endpoints, credential.clone(), client.clone()).closed_at_most(longest_closed);
    let page = if status {
        // Of Resource Graph's queries, the scarcest of all, two thirds are for the work.
        let (arm, policy) = (arm.sparing(), policy.clone());
        let graph = Graph::new(arm.clone(), graph_age);
        StatusPage::new(Reconciler::new(arm, graph, estate.clone(), policy.clone()), policy)
    } else {
        StatusPage::off()
    };
    let graph = Graph::new(arm.clone(), graph_age);
    let queue = Queue::new(&endpoints.service_bus, endpoints.cloud, credential, client)?;
    let reconciler = Reconciler::new(arm, graph, estate, policy);
    Ok(app(Arc::new(Worker::new(reconciler, queue, reply_queues)), page))
}
