//! `tether check-install`: whether what is deployed is what tether needs, as seen from outside.
//!
//! It reads, and says what is missing or wrong and what to do about it. It changes nothing, and
//! prints no value of a setting. Whether messages really arrive only a first run can show.

mod app;
mod bus;
mod events;
mod extras;
mod rights;

use anyhow::Context;
use clap::Args;

use super::Exit;
use super::voice::print;
use crate::azure::{AppId, Arm, Installed, credential, http_client};
use crate::cli::findings::Finding;
use crate::config;
use app::Stated;

/// What may be said to it
#[derive(Debug, Args)]
pub(super) struct CheckInstallArguments {
    /// The id of the function app: `az functionapp show --query id` prints it
    app: AppId,
}

pub(super) async fn check_install(arguments: CheckInstallArguments) -> anyhow::Result<Exit> {
    let (auth, endpoints) = config::visitor()?;
    let arm = Arm::new(&endpoints, credential(&auth)?, http_client()?);
    let installed = Installed::new(arm);
    let id = arguments.app;
    let found = installed.app(&id).await.context("the function app could not be read")?;
    let found = found.with_context(|| {
        format!("there is no function app `{id}`: is it the right subscription and group?")
    })?;
    let settings = installed.settings(&id).await;
    let settings = settings.context(
        "the settings of the function app could not be read; it takes Website Contributor on it",
    )?;
    let stated = Stated::read(&settings, &found.identities);
    let mut all = app::check(&found, &settings, &stated);
    all.extend(app::check_functions(&installed, &id).await);
    show("The function app", &all);
    let (roles, rights) = rights::check(&installed, &id, &stated).await;
    show("What its identity may do", &rights);
    let (queue, queues) = bus::check(&installed, &id, &stated, &roles).await;
    show("The queues", &queues);
    let events = events::check(&installed, &id, &stated, queue.as_deref()).await;
    show("Events", &events);
    all.extend(rights.into_iter().chain(queues).chain(events));
    Ok(conclude(&all))
}

fn show(title: &str, findings: &[Finding]) {
    print(title);
    for finding in findings {
        print(&finding.show());
    }
}

fn conclude(findings: &[Finding]) -> Exit {
    let problems = findings.iter().filter(|finding| !finding.is_fine()).count();
    print("");
    if problems == 0 {
        let all = findings.len();
        print(&format!("All {all} things that can be seen from outside are as they should be."));
        Exit::Success
    } else {
        let all = findings.len();
        print(&format!("{problems} of {all} things are wrong or could not be seen."));
        Exit::Failure
    }
}
