//! `tether plan`, `explain`, `check` and `inventory` as a person runs them: the real program against a
//! pretend Azure that it only ever reads.

mod checks;
mod explanations;
mod plans;
mod terminals;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::Clock;
use tether::emulator::azure::{AssignmentSpec, Azure, ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM, cloud_settings};
use tokio::process::Command;
use uuid::{Uuid, uuid};

use super::cloud;
use super::program::{self, Ended};

const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");

/// A cloud, a folder with a policy, and the environment of a person who looks at it
struct Place {
    azure: Azure,
    clock: Clock,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Place {
    /// An empty cloud, and the policy that ships
    async fn new() -> Self {
        let (azure, clock) = cloud::start().await;
        let environment = cloud_settings(&azure);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
        fs::create_dir_all(&folder).unwrap();
        let place = Self { azure, clock, folder, environment };
        place.write(
            "policy.yaml",
            &include_str!("../../../policy.yaml").replace("change-me", "contoso"),
        );
        place
    }

    /// The cloud that the README shows
    async fn shop() -> Self {
        let place = Self::new().await;
        let registry = |name: &str| RegistrySpec::new(PLATFORM, "images", name);
        let shop = registry("acrshop").tag("acr-attach", "auto").tag("team", "shop");
        place.azure.create_registry(&shop).unwrap();
        let billing = registry("acrbilling").tag("acr-attach", "auto").tag("team", "billing");
        let billing = place.azure.create_registry(&billing).unwrap();
        let shared = registry("acrshared").tag("acr-attach", "yes").abac();
        place.azure.create_registry(&shared).unwrap();
        let cluster = |name: &str| ClusterSpec::new(PAYMENTS, "shop", name);
        let aks = cluster("aks-shop").tag("acr-attach", "auto").tag("team", "shop");
        place.azure.create_cluster(&aks).unwrap();
        let aks = cluster("aks-billing").tag("acr-attach", "acrbilling, acrshared");
        let aks = place.azure.create_cluster(&aks).unwrap();
        place.clock.advance(Duration::from_secs(300));
        let principal = place.azure.kubelet_principal(&aks).unwrap();
        let name = Uuid::from_u128(1);
        place.azure.assign(&AssignmentSpec::new(name, &billing, ACR_PULL, principal)).unwrap();
        let new = cluster("aks-new").tag("acr-attach", "auto").tag("team", "shop");
        let new = place.azure.create_cluster(&new).unwrap();
        place.azure.set_state(&new, "Creating").unwrap();
        place.azure.set_property(&new, "identityProfile", serde_json::Value::Null).unwrap();
        place.azure.catch_up_graph();
        place
    }

    /// The identity of `aks-billing`, another one every time
    fn billing(&self) -> Uuid {
        let name = Uuid::from_u128(1);
        let all = self.azure.assignments();
        all.iter().find(|one| one.name == name).expect("it has an assignment").principal
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    /// `tether` with these words, in the folder with the policy
    async fn tether(&self, words: &[&str]) -> Ended {
        let before = self.azure.assignments();
        let ended = self.run(words, &self.environment).await;
        assert_eq!(self.azure.assignments(), before, "it wrote something");
        ended
    }

    /// The same for someone who cannot reach Azure
    async fn offline(&self, words: &[&str]) -> Ended {
        self.run(words, &BTreeMap::new()).await
    }

    /// The program with these words, in the folder with the policy
    fn command(&self, words: &[&str], environment: &BTreeMap<String, String>) -> Command {
        let mut command = program::tether(words);
        command.envs(environment).current_dir(&self.folder);
        command
    }

    async fn run(&self, words: &[&str], environment: &BTreeMap<String, String>) -> Ended {
        let ended = program::run(self.command(words, environment)).await;
        for secret in ["eyJ", "Bearer", self.azure.identity_header(), "pretend.person", "\u{1b}"] {
            assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(secret), "{ended:?}");
        }
        ended
    }
}
