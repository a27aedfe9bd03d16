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
use super::sight::LOOKING;
use super::voice::{Colour, Voice, VoiceArguments, print};
use crate::azure::{AppId, Arm, Installed, credential, http_client};
use crate::cli::findings::Finding;
use crate::config;
use app::Stated;

/// What may be said to it
#[derive(Debug, Args)]
pub(super) struct CheckInstallArguments {
    /// The id of the function app: `az functionapp show --query id` prints it
    app: AppId,
    #[command(flatten)]
    voice: VoiceArguments,
}

pub(super) async fn check_install(arguments: CheckInstallArguments) -> anyhow::Result<Exit> {
    let voice = Voice::new(arguments.voice);
    let (auth, endpoints) = config::visitor()?;
    let arm = Arm::new(&endpoints, credential(&auth)?, http_client()?);
    let installed = Installed::new(arm);
    let id = arguments.app;
    let found = voice.while_waiting(LOOKING, installed.app(&id)).await;
    let found = found.context("the function app could not be read")?;
    let found = found.with_context(|| {
        format!("there is no function app `{id}`: is it the right subscription and group?")
    })?;
    let settings = voice.while_waiting(LOOKING, installed.settings(&id)).await;
    let settings = settings.context(
        "the settings of the function app could not be read; it takes Website Contributor on it",
    )?;
    let stated = Stated::read(&settings, &found.identities);
    let mut all = app::check(&found, &settings, &stated);
    let look = app::check_functions(&installed, &id, &settings);
    all.extend(voice.while_waiting(LOOKING, look).await);
    show("The function app", &all, voice);
    let look = rights::check(&installed, &id, &stated);
    let (roles, rights) = voice.while_waiting(LOOKING, look).await;
    show("What its identity may do", &rights, voice);
    let look = bus::check(&installed, &id, &stated, &roles);
    let (queue, queues) = voice.while_waiting(LOOKING, look).await;
    show("The queues", &queues, voice);
    let look = events::check(&installed, &id, &stated, queue.as_deref());
    let events = voice.while_waiting(LOOKING, look).await;
    show("Events", &events, voice);
    all.extend(rights.into_iter().chain(queues).chain(events));
    Ok(conclude(&all, voice))
}

fn show(title: &str, findings: &[Finding], voice: Voice) {
    print(voice.paint(Colour::Strong, title));
    for finding in findings {
        print(finding.show());
    }
}

fn conclude(findings: &[Finding], voice: Voice) -> Exit {
    let (all, wrong) =
        (findings.len(), findings.iter().filter(|finding| !finding.is_fine()).count());
    let (exit, colour, sum) = if wrong == 0 {
        let sum = format!("All {all} things that can be seen from outside are as they should be.");
        (Exit::Success, Colour::Good, sum)
    } else {
        let sum = format!("{wrong} of {all} things are wrong or could not be seen.");
        (Exit::Failure, Colour::Bad, sum)
    };
    print(format_args!("\n{}", voice.paint(colour, sum)));
    exit
}
