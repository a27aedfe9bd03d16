//! What a person at a terminal sees, and whoever reads from a pipe does not: colour, and that there is
//! something to wait for.

use std::time::Duration;

use tether::emulator::azure::Fault;
use tokio::time::sleep;

use super::Place;
use crate::program::{run, run_on_terminal};

/// Commands whose output has something to colour
const COLOURED: [&[&str]; 7] = [
    &["plan"],
    &["explain", "aks-shop", "acrshop"],
    &["check", "aks-new", "acrshop"],
    &["policy", "check", "broken.yaml"],
    &["policy", "check", "doubtful.yaml"],
    &["policy", "test", "policy.yaml"],
    &["plan", "--help"],
];

impl Place {
    /// A cloud, and in the folder all that these commands read
    async fn coloured() -> Self {
        let place = Self::shop().await;
        place.write("broken.yaml", "owner: contoso\nmode: atach-only\nrules: []\n");
        place.write("doubtful.yaml", include_str!("../../policies/doubtful/never-fits.yaml"));
        place.write("policy.tests.yaml", include_str!("../../../policy.tests.yaml"));
        place
    }

    /// What a terminal shows of it with this in the environment, too
    async fn on_terminal(&self, words: &[&str], more: &[(&str, &str)]) -> String {
        let mut command = self.command(words, &self.environment);
        command.envs(more.iter().copied());
        run_on_terminal(command).await.1
    }

    /// Both outputs of it, from pipes
    async fn piped(&self, words: &[&str]) -> String {
        let ended = run(self.command(words, &self.environment)).await;
        ended.stdout + &ended.stderr
    }
}

/// The text without its colours
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').expect("a colour ends with `m`").1);
    rest.fold(first, |text, part| text + part)
}

#[tokio::test]
async fn a_terminal_has_colour_that_says_nothing_and_a_pipe_has_none() {
    let place = Place::coloured().await;
    for words in COLOURED {
        let piped = place.piped(words).await;
        assert!(!piped.is_empty() && !piped.contains('\u{1b}'), "{words:?}: {piped:?}");
        let shown = place.on_terminal(words, &[]).await;
        assert!(shown.contains("\u{1b}["), "{words:?}: {shown:?}");
        assert_eq!(plain(&shown), piped, "{words:?}");
    }
}

#[tokio::test]
async fn colour_may_be_declined() {
    let place = Place::coloured().await;
    for words in COLOURED {
        let piped = place.piped(words).await;
        assert_eq!(place.on_terminal(words, &[("NO_COLOR", "1")]).await, piped, "{words:?}");
        // An empty one declines nothing: <https://no-color.org>.
        let shown = place.on_terminal(words, &[("NO_COLOR", "")]).await;
        assert!(shown.contains("\u{1b}["), "{words:?}: {shown:?}");
    }
}

#[tokio::test]
async fn whoever_waits_for_more_than_a_second_is_told_so_on_a_terminal_unless_quiet() {
    let place = Place::shop().await;
    let slowly = async |words: &[&str]| {
        let second = Duration::from_secs(1);
        place.azure.faults().inject(Fault::on("POST", "/resources?").delayed(second));
        // The program counts real seconds, and Azure answers when its own clock says so.
        let answers = async {
            while place.azure.faults().left() > 0 {
                sleep(second / 100).await;
            }
            sleep(second + second / 2).await;
            place.clock.advance(second);
        };
        tokio::join!(place.on_terminal(words, &[("NO_COLOR", "1")]), answers).0
    };
    let answer = place.piped(&["plan"]).await;
    let shown = slowly(&["plan"]).await;
    assert!(shown.contains("looking at Azure 1 s .."), "{shown:?}");
    assert!(shown.ends_with(&format!("\r\u{1b}[K{answer}")), "{shown:?}");
    assert_eq!(slowly(&["plan", "--quiet"]).await, answer);
}
